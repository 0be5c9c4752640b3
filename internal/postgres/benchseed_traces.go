package postgres

import (
	"context"
	"fmt"
)

const (
	// What did not end in an acceptance, one row for each time. Every kind of
	// deferral has its texts; of some no rule knows what they mean.
	sqlBenchAttempts = `
insert into attempts (at, ledger_id, delivery_id, campaign_id, contact_id, provider_id, node_id, outcome, host, phase, code, enhanced, class, bounce, rule, reply, took_ms,
                      tls_version, tls_cipher)
select d.first_attempt_at + (n - 1) * interval '2 minutes' + interval '2 seconds', d.ledger_id, d.id, d.campaign_id, d.contact_id, coalesce(d.provider_id, 0), 1,
       case when ends then d.state::text else 'deferred' end, 'mx1.' || coalesce(p.key, 'unknown.test'), case when ends and d.state = 'in_doubt' then 'data' else 'rcpt' end,
       case when ends then d.code else w.code end, case when ends then d.enhanced else w.enhanced end, case when ends then d.class else w.class end,
       case when ends and d.state = 'bounced' then 'bad_mailbox' else '' end, case when ends then 'mailbox-unknown' else w.rule end,
       case when ends then d.reply else w.reply end, 80 + h %% 400, 'TLSv1.3', 'TLS_AES_128_GCM_SHA256'
  from deliveries d
  left join providers p on p.id = d.provider_id
 cross join lateral generate_series(1, d.attempts - case when d.state = 'delivered' then 1 else 0 end) n
 cross join lateral (select hashint8extended(d.id * 16 + n, 7) & 1048575 as h, n = d.attempts and d.state in ('bounced', 'expired', 'in_doubt') as ends offset 0) r
  join (values (0, 421, '4.7.0', 'rate', 'rate-421', '421 4.7.0 too many messages from your address, try again later'),
               (1, 451, '4.7.1', 'greylist', 'greylist', '451 4.7.1 greylisted, please come back in 300 seconds'),
               (2, 452, '4.2.2', 'mailbox', 'mailbox-full', '452 4.2.2 the mailbox is over its quota'),
               (3, 450, '4.7.1', 'reputation', 'reputation', '450 4.7.1 your network sends us much that our users do not want'),
               (4, 451, '4.3.0', 'unknown', 'fallback', '451 4.3.0 something we cannot name went wrong here')) w (kind, code, enhanced, class, rule, reply)
    on w.kind = case when h %% 100 < 50 then 0 when h %% 100 < 70 then 1 when h %% 100 < 85 then 2 when h %% 100 < 99 then 3 else 4 end
 where d.ledger_id = %[1]d and d.attempts - case when d.state = 'delivered' then 1 else 0 end > 0`

	sqlBenchMinutes = `
insert into provider_minutes (provider_id, minute, attempts, accepted, accepted_first, deferred, throttled, bounced, tls, took_ms, bad_mailboxes)
select provider_id, minute, count(*), count(*) filter (where outcome = 'delivered'), count(*) filter (where outcome = 'delivered' and first), count(*) filter (where outcome = 'deferred'),
       count(*) filter (where code = 421), count(*) filter (where outcome = 'bounced'), count(*), 300 * count(*) filter (where outcome = 'delivered'),
       count(*) filter (where outcome = 'bounced')
  from (select provider_id, date_trunc('minute', updated_at) as minute, 'delivered' as outcome, attempts = 1 as first, 250 as code
          from deliveries where state = 'delivered' and provider_id is not null
         union all
        select provider_id, date_trunc('minute', at), outcome, false, code from attempts where provider_id > 0) tried
 group by 1, 2 order by 1, 2`

	sqlBenchSource = `insert into sources (address, helo_name) values ('198.51.100.7', 'mail.sender.test') returning id`

	sqlBenchPaces = `
insert into paces (source_id, provider_id, state, updated_at, rate, mode)
select s.id, p.id, ($1::jsonb[])[1 + p.id % cardinality($1::jsonb[])], $2::timestamptz, 5, 'steady'
  from sources s cross join providers p where p.id > 0 order by p.id`

	// The two hundred largest providers have a history; see pacing.DecisionKind.
	sqlBenchPaceEvents = `
insert into pace_events (at, source_id, provider_id, kind, was, now, reason, reply, until)
select at, 1, p.id, kind, case kind when 'slower' then 8 when 'measured' then 6 else 4 end, case kind when 'faster' then 8 when 'hold' then 0 else 4 end,
       case kind when 'faster' then 'nothing was refused for a while' when 'slower' then 'asked to slow down' when 'measured' then 'between what passed and what was refused'
                 when 'hold' then 'too many refusals in a row' else 'a message passed' end,
       case when kind in ('slower', 'hold') then '421 4.7.0 too many messages from your address, try again later' else '' end,
       case when kind = 'hold' then at + interval '5 minutes' end
  from providers p
 cross join generate_series(1, 500) n
 cross join lateral (select (array['faster', 'slower', 'faster', 'measured', 'hold', 'release'])[1 + n % 6] as kind, $1::timestamptz - (500 - n) * interval '3 minutes' - p.id * interval '1 second' as at offset 0) x
 where p.id between 1 and 200
 order by at`

	// Two in a hundred readers click; programs open links in some names.
	sqlBenchEngagements = `
insert into engagements (campaign_id, contact_id, kind, link, machine, times, first_at, last_at, rule)
select d.campaign_id, d.contact_id, 'click', link, machine, 1 + h % 2, at, at, case when machine then 'too_soon' else '' end
  from deliveries d
 cross join lateral (select hashint8extended(d.id, 8) & 1048575 as h offset 0) r
 cross join lateral (select h % 1000 >= 20 as machine, d.updated_at + h % 86400 * interval '1 second' as at offset 0) x
 cross join lateral (values (0), (1 + (h / 1000 % 3)::int)) as of (link)
 where d.state = 'delivered' and h % 1000 < 27
 order by 1, 2, 4`

	sqlBenchEngagementSums = `
insert into campaign_engagement (campaign_id, kind, link, machine, readers, times)
select campaign_id, kind, link, machine, count(*), sum(times) from engagements group by 1, 2, 3, 4 order by 1, 2, 3, 4`

	sqlBenchAudit = `
insert into audit_log (at, actor, door, action, subject, note)
select $1::timestamptz - n * interval '5 hours', 'Ann Weaver', 'pages', 'provider.cap', 'provider ' || (select key from providers where id = 1 + n % 10), 'they asked us to'
  from generate_series(1, 3000) n`
)

// fillTraces makes what sending leaves behind beside the ledger.
func fillTraces(ctx context.Context, f *benchFilling) error {
	for month := f.Now.AddDate(0, -25, 0); !month.After(f.Now); month = month.AddDate(0, 1, 0) {
		if err := f.store.EnsureAttemptsPartitions(ctx, month); err != nil {
			return err
		}
	}
	if err := f.eachLedger(ctx, func(name string, ledger int32) []benchStatement {
		return []benchStatement{{name + "attempts", fmt.Sprintf(sqlBenchAttempts, ledger), nil}}
	}); err != nil {
		return err
	}
	return f.do(ctx,
		benchStatement{"minutes of providers", sqlBenchMinutes, nil},
		benchStatement{"a source", sqlBenchSource, nil},
		benchStatement{"paces", sqlBenchPaces, []any{f.Paces, f.Now}},
		benchStatement{"changes of pace", sqlBenchPaceEvents, []any{f.Now}},
		benchStatement{"clicks", sqlBenchEngagements, nil},
		benchStatement{"sums of clicks", sqlBenchEngagementSums, nil},
		benchStatement{"audit log", sqlBenchAudit, []any{f.Now}},
		benchStatement{"vacuum", sqlBenchVacuum, nil},
	)
}
