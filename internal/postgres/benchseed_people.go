package postgres

import "context"

// People and what is known of them. A hash of each number stands for chance: `&
// 1048575` leaves twenty of its bits. Where an expression is used again and again,
// `offset 0` has it computed once: without it each use is a copy.
const (
	// Ten providers have most of the mail, as in life.
	sqlBenchProviders = `
insert into providers (id, key, name, created_at)
select n, coalesce((array['northmail.test', 'blueharbor.test', 'postino.test', 'greywall.test', 'kite.test', 'lumen.test', 'alderpost.test',
                          'tidewater.test', 'basalt.test', 'fernwick.test'])[n], 'mx' || n || '.test'),
       coalesce((array['Northmail', 'Blue Harbor Mail', 'Postino', 'Greywall', 'Kite & Sons', 'Lumen Mail', 'Alder Post',
                       'Tidewater', 'Basalt Hosting', 'Fernwick'])[n], 'mx' || n || '.test'), $2::timestamptz
  from generate_series(1, $1::int) n`

	// Half of the domains belong to companies whose mail the ten have; one in two
	// hundred is dead.
	sqlBenchManyDomains = `
insert into domains (id, name, provider_id, mail_host, mx, looks, resolved_at, expires_at, reach, gone_since, gone_looks, verified_at, verify_at)
overriding system value
select n, coalesce(p.key, 'd' || n || '.test'), case when not dead then p2.id end, case when dead then 'no_domain' else 'mx' end,
       case when dead then '{}' else array['mx1.' || p2.key, 'mx2.' || p2.key] end, 3, $3::timestamptz, $3::timestamptz + interval '1 day',
       case when dead then 'missing' else 'public' end, case when dead then $3::timestamptz - interval '40 days' end, case when dead then 3 else 0 end,
       $3::timestamptz, $3::timestamptz + interval '30 days'
  from generate_series(1, $1::int) n
 cross join lateral (select hashint8extended(n, 1) & 1048575 as h offset 0) r
 cross join lateral (select n > 10 and h % 1000 >= 995 as dead,
                            case when n <= 10 then n when h % 1000 < 450 then 1 + h / 1000 % 10 else 1 + h % $2::int end as host offset 0) x
  join providers p2 on p2.id = x.host
  left join providers p on p.id = n and n <= 10
 order by n`

	// Seven in ten have an address at one of the ten.
	sqlBenchPeople = `
insert into contacts (id, address, address_key, canonical_key, domain_id, fields, status, status_since, verdict, reasons, suggestion, created_at, updated_at)
overriding system value
select n, a, a, a, d.id, jsonb_build_object('first_name', given, 'last_name', family, 'city', city, 'plan', 'plan-' || h % 5, 'time_zone', zone),
       status, case when status = 'active' then made else made + ($3::timestamptz - made) / 2 end, verdict, array[reason],
       case when reason = 'typo_likely' then lower(given) || n || '@northmail.test' end, made, made
  from generate_series(1, $1::bigint) n
 cross join lateral (select hashint8extended(n, 2) & 1048575 as h, hashint8extended(n, 3) & 1048575 as g, hashint8extended(n, 4) & 1048575 as v offset 0) r
 cross join lateral (select
       (array['Anna', 'Berta', 'Carla', 'Dora', 'Emil', 'Franz', 'Greta', 'Hans', 'Ida', 'Jan', 'Karla', 'Lena', 'Marek', 'Nina', 'Otto', 'Paula'])[1 + h % 16] as given,
       (array['Weaver', 'Miller', 'Fisher', 'Baker', 'Cooper', 'Mason', 'Taylor', 'Turner', 'Potter', 'Shepherd'])[1 + h / 16 % 10] as family,
       (array['Berlin', 'Paris', 'London', 'Madrid', 'Wien', 'Oslo', 'Porto', 'Praha'])[1 + g % 8] as city,
       (array['Europe/Berlin', 'Europe/Paris', 'Europe/London', 'Europe/Madrid', 'Europe/Vienna', 'Europe/Oslo', 'Europe/Lisbon', 'Europe/Prague'])[1 + g % 8] as zone,
       $3::timestamptz - interval '900 days' + interval '880 days' * (n::float8 / $1::bigint) as made offset 0) x
  join domains d on d.id = case when h % 100 < 30 then 1 when h % 100 < 44 then 2 when h % 100 < 54 then 3 when h % 100 < 60 then 4
                                when h % 100 < 64 then 5 when h % 100 < 70 then 6 + h / 100 % 5 else 11 + g % ($2::int - 10) end
 cross join lateral (select lower(given) || '.' || lower(family) || n || '@' || d.name as a,
       case when g % 1000 < 940 then 'active' when g % 1000 < 965 then 'unsubscribed' when g % 1000 < 985 then 'cleaned'
            when g % 1000 < 986 then 'complained' else 'unconfirmed' end as status offset 0) y
 cross join lateral (select
       case when d.gone_since is not null then 'domain_nxdomain' when status = 'cleaned' or v % 1000 >= 985 then 'mailbox_unknown'
            when v % 1000 < 800 then 'accepted_before' when v % 1000 < 920 then 'no_history' when v % 1000 < 926 then 'typo_likely'
            when v % 1000 < 960 then 'role_shared' else 'dns_temporary' end as reason offset 0) z
 cross join lateral (select
       case when reason in ('domain_nxdomain', 'mailbox_unknown') then 'undeliverable' when reason = 'accepted_before' then 'deliverable'
            when reason = 'no_history' then 'unproven' when reason = 'dns_temporary' then 'unknown' else 'risky' end as verdict offset 0) w
 order by n`

	sqlBenchLists = `
insert into lists (name, created_at, verified_at)
select (array['All readers', 'Monthly letter', 'Product news', 'Offers', 'Events', 'Readers in Berlin', 'Readers in Porto', 'Press', 'Partners', 'Test panel', 'Staff', 'Board'])[n],
       $1::timestamptz - interval '900 days', $1::timestamptz - interval '3 days'
  from generate_series(1, 12) n`

	// The first list has everybody; each of them came with a file.
	sqlBenchManyMembers = `
insert into list_members (list_id, contact_id, status, since, import_id)
select l.id, c.id, case when c.status in ('unsubscribed', 'complained') or h % 100 = 99 then 'unsubscribed' when c.status = 'unconfirmed' then 'unconfirmed' else 'subscribed' end,
       c.created_at, case when l.id = 1 then 1 + (c.id - 1) * $2::bigint / $1::bigint end
  from unnest(array[1000, 600, 300, 120, 60, 30, 15, 8, 4, 2, 1, 1]) with ordinality as share (per_mille, list)
  join lists l on l.id = share.list
 cross join contacts c
 cross join lateral (select hashint8extended(c.id * 16 + l.id, 5) & 1048575 as h offset 0) r
 where h / 100 % 1000 < share.per_mille
 order by l.id, c.id`

	// What an import counted is what the list has from it.
	sqlBenchImports = `
insert into imports (id, list_id, list_name, file_name, size, sha256, state, plan, consent, cursor, counts, read_bytes, created_at, finished_at)
overriding system value
select m.import_id, 1, 'All readers', 'readers-' || to_char(min(m.since), 'YYYY-MM-DD') || '.csv', count(*) * 48, sha256(convert_to(m.import_id::text, 'UTF8')), 'done',
       '{"options":{},"files":[]}', 'They asked for it in the sign-up form', count(*),
       jsonb_build_object('rows', count(*) + 60, 'new', count(*), 'joined', count(*), 'duplicate', 10, 'invalid', jsonb_build_object('no_at', 30, 'domain_bad_char', 20),
                          'risky', jsonb_build_object('role_shared', count(*) / 40), 'steps', 1), count(*) * 48, max(m.since), max(m.since) + interval '40 seconds'
  from list_members m where m.list_id = 1 group by m.import_id order by 1`

	sqlBenchRejects = `
insert into import_rejects (import_id, line, code, words, suggestion, cells)
select i.id, k * 97, case when k <= 30 then 'no_at' else 'domain_bad_char' end, 'the address cannot be mailed', '', array['anna.example' || k, 'Anna', 'Weaver']
  from imports i cross join generate_series(1, 50) k`

	// The newest import can be undone.
	sqlBenchSteps = `
insert into import_steps (import_id, seq, at, made, found, joined, changed, previous)
select i.id, part.seq, i.finished_at, part.ids, '{}', part.ids, '{}', '{}'
  from (select max(id) as id from imports) newest
  join imports i on i.id = newest.id
 cross join lateral (select (m.contact_id / 10000)::int as seq, array_agg(m.contact_id order by m.contact_id) as ids
                       from list_members m where m.list_id = 1 and m.import_id = i.id group by 1) part`

	sqlBenchVerifications = `
with judged as (
    select m.list_id, c.verdict, c.reasons[1] as reason, count(*) as n, count(c.suggestion) as mendable
      from list_members m join contacts c on c.id = m.contact_id group by 1, 2, 3
)
insert into verifications (list_id, state, domains_total, domains_done, contacts_total, counts, created_at, finished_at)
select list_id, 'done', $2::bigint, $2, sum(n),
       jsonb_build_object('verdicts', (select jsonb_object_agg(verdict, n) from (select verdict, sum(n) as n from judged j where j.list_id = judged.list_id group by 1) v),
                          'reasons', (select jsonb_object_agg(reason, n) from (select reason, sum(n) as n from judged j where j.list_id = judged.list_id group by 1) r),
                          'mendable', sum(mendable), 'changed', (sum(n) / 20)::bigint),
       $1::timestamptz - interval '3 days', $1::timestamptz - interval '3 days' + interval '4 minutes'
  from judged group by list_id order by list_id`

	sqlBenchSuppressions = `
insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
select 'global', 'address', c.address_key, case when reason <> 'bounced' then c.canonical_key end, reason,
       case reason when 'bounced' then jsonb_build_object('campaign', 1, 'host', 'mx1.northmail.test', 'reply', '550 5.1.1 no such user here', 'bounce', 'bad_mailbox')
                   when 'unsubscribed' then jsonb_build_object('campaign', 1, 'by', 'one-click') else '{}' end, c.status_since
  from contacts c
 cross join lateral (select case c.status when 'cleaned' then 'bounced' else c.status end as reason offset 0) r
 where c.status in ('cleaned', 'unsubscribed', 'complained')
 union all
select 'global', 'address', a, null, 'imported_suppression', '{"note": "from the file blocked.csv"}', $2::timestamptz
  from generate_series(1, $1::bigint / 40) n cross join lateral (select 'former' || n || '@old' || n % 200 || '.test' as a offset 0) x
 union all
select 'global', 'domain', 'old' || n || '.test', null, 'manual', '{"note": "a company that is gone"}', $2 from generate_series(0, 199) n`

	sqlBenchAnalyzePeople = `analyze providers, domains, contacts, lists, list_members, imports, suppressions`
)

// fillPeople makes contacts and everything that is known of them.
func fillPeople(ctx context.Context, f *benchFilling) error {
	return f.do(ctx,
		benchStatement{"providers", sqlBenchProviders, []any{f.Providers, f.Now}}, numbered("providers", f.Providers),
		benchStatement{"domains", sqlBenchManyDomains, []any{f.Domains, f.Providers, f.Now}}, numbered("domains", f.Domains),
		benchStatement{"contacts", sqlBenchPeople, []any{f.Contacts, f.Domains, f.Now}}, numbered("contacts", f.Contacts),
		benchStatement{"lists", sqlBenchLists, []any{f.Now}},
		benchStatement{"members of lists", sqlBenchManyMembers, []any{f.Contacts, f.Imports}},
		benchStatement{"imports", sqlBenchImports, nil}, numbered("imports", f.Imports),
		benchStatement{"refused rows", sqlBenchRejects, nil},
		benchStatement{"steps of the newest import", sqlBenchSteps, nil},
		benchStatement{"verifications", sqlBenchVerifications, []any{f.Now, f.Domains}},
		benchStatement{"suppressions", sqlBenchSuppressions, []any{f.Contacts, f.Now}},
		benchStatement{sql: sqlBenchAnalyzePeople},
	)
}
