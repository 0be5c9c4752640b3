package postgres

const (
	sqlMergeEdge = `
select max(address_key) from (select address_key from import_rows where address_key > $1 order by address_key limit $2) next`

	// One merge at a time: two imports of the same people never wait for each
	// other in a circle.
	sqlMergeLock = `select pg_advisory_xact_lock(7310584035)`

	// The first of two ranges must not wait for who may wait for the second, which
	// waits for it: see crossed.
	sqlMergeImpatient = `set local lock_timeout = '3s'`

	// Nothing is known about the size of a step's parts, and a planner that guesses
	// would now and then read all contacts. What is looked up for each row is
	// therefore a subquery that cannot be joined otherwise, by index, and who is
	// changed an array. The rows of a step fit into this memory, and are not
	// written to files in between.
	sqlMergeByIndex = `
select set_config('enable_seqscan', 'off', true), set_config('enable_memoize', 'off', true),
       set_config('plan_cache_mode', 'auto', true), set_config('work_mem', '32MB', true)`

	// A step that a crash of Postgres undoes is done again: the cursor is undone
	// with it. The end of an import waits for the disk, and with it for all steps.
	sqlUnhurried = `set local synchronous_commit = off`

	// sqlJudgedRows are the rows of a range of addresses ($1, $2], of each address
	// the last one, with what is known of it. $3 is now, $5 the list, $6 the rule
	// for fields. Where nobody in the range is known, or suppressed, one look says
	// so for all. Indexes:
	// contacts_address_key_key, contacts_canonical, domains_name_key,
	// suppressions_once, suppressions_canonical, list_members_pkey.
	sqlJudgedRows = `
with last as materialized (
    select distinct on (r.address_key) r.line, r.address_key, coalesce(r.address, r.address_key) as address,
           coalesce(r.canonical_key, r.address_key) as canonical_key, r.domain, r.fields, r.status, r.consent,
           r.status in ('subscribe', 'unconfirmed') as welcome
      from import_rows r where r.address_key > $1 and r.address_key <= $2
     order by r.address_key, r.line desc
), places as materialized (
    select l.domain, d.id,
           (select true from suppressions s where s.kind = 'domain' and s.key = l.domain
               and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3) limit 1) as barred
      from (select distinct domain from last) l
      left join lateral (select d.id from domains d where d.name = l.domain offset 0) d on true
), judged as (
    select l.*, p.id as domain_id, c.id as known, c.fields as before,
           case $6 when 'fill' then l.fields || c.fields when 'skip' then c.fields else c.fields || l.fields end as after,
           l.welcome and coalesce(
               p.barred,
               case when exists (select from suppressions s where s.key > $1 and s.key <= $2) then
                   (select true from suppressions s where s.kind = 'address' and s.key = l.address_key
                       and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3) limit 1) end,
               case when l.canonical_key <> l.address_key
                      or exists (select from suppressions s where s.canonical_key > $1 and s.canonical_key <= $2) then
                   (select true from suppressions s where s.kind = 'address' and s.canonical_key = l.canonical_key
                       and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3) limit 1) end,
               false) as barred,
           l.welcome and c.id is null and coalesce(
               case when l.canonical_key <> l.address_key
                      or exists (select from contacts t where t.canonical_key > $1 and t.canonical_key <= $2 and t.canonical_key <> t.address_key) then
                   (select true from contacts t where t.canonical_key = l.canonical_key and t.canonical_key <> t.address_key limit 1) end,
               case when l.canonical_key <> l.address_key then (select true from contacts t where t.address_key = l.canonical_key) end,
               false) as twin,
           m.contact_id is not null as member
      from last l
      join places p on p.domain = l.domain
      left join lateral (
        select c.id, c.fields from contacts c
         where c.address_key = l.address_key and exists (select from contacts t where t.address_key > $1 and t.address_key <= $2)
        offset 0) c on true
      left join lateral (select m.contact_id from list_members m where m.list_id = $5 and m.contact_id = c.id offset 0) m on true
)`

	// What a merge finds, all from one look at the database; what it changes
	// follows.
	sqlMergeFound = `
select (select count(*) from import_rows where address_key > $1 and address_key <= $2),
       count(*), count(*) filter (where not welcome and status <> 'erased'), count(*) filter (where status = 'erased'),
       count(*) filter (where barred), count(*) filter (where twin), count(*) filter (where welcome and known is null),
       count(*) filter (where welcome and not member)`

	// The contacts that are made get their ids beforehand, so that they join the
	// list in the same statement. Should others make one of them meanwhile, its
	// unique key stops the step, which is then done again. An existing contact
	// keeps its status and its address; only fields that differ are written.
	// Someone who left stays away: an existing membership is never touched.
	sqlMerge = sqlJudgedRows + `, numbered as materialized (
    select j.*, case when known is not null then known when welcome then nextval('contacts_id_seq') end as contact from judged j
), made as (
    insert into contacts (id, address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
    overriding system value
    select contact, address, address_key, canonical_key, domain_id, fields, $3, $3, $3
      from numbered where welcome and known is null
), changed as (
    update contacts c set fields = n.after, updated_at = $3
      from numbered n
     where c.id = any(array(select known from numbered where welcome and after <> before)) and n.known = c.id
    returning c.id, n.before
), joined as (
    insert into list_members (list_id, contact_id, status, since, import_id, consent)
    select $5, contact, case status when 'subscribe' then 'subscribed' else 'unconfirmed' end, $3, $4, consent
      from numbered where welcome and not member
), suppressed as (
    insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
    select 'global', 'address', address_key, case when status <> 'bounced' then canonical_key end,
           case status when 'bounced' then 'bounced' when 'complained' then 'complained' else 'imported_suppression' end,
           jsonb_build_object('import', $4::bigint, 'line', line % 1099511627776), $3
      from numbered where not welcome and status <> 'erased'
    on conflict do nothing
), noted as (
    insert into import_steps (import_id, seq, at, made, found, joined, changed, previous, least, greatest)
    select $4, $7, $3, coalesce(array_agg(contact) filter (where welcome and known is null), '{}'),
           coalesce(array_agg(known) filter (where welcome and known is not null), '{}'),
           coalesce(array_agg(contact) filter (where welcome and not member), '{}'),
           coalesce((select array_agg(id) from changed), '{}'), coalesce((select array_agg(before) from changed), '{}'),
           min(known) filter (where welcome), max(known) filter (where welcome)
      from numbered
)` + sqlMergeFound + `, (select count(*) from changed) from numbered`

	// The same figures, and nothing is written. $4 and $7 are there for the
	// likeness.
	sqlMergeCheck = sqlJudgedRows + sqlMergeFound + `,
       count(*) filter (where welcome and after <> before and ($4::bigint, $7::int) is not null) from judged`
)

// MergeRule says what becomes of the fields of contacts who are known.
type MergeRule string

// The rules.
const (
	MergeOverwrite MergeRule = "overwrite" // the file's values win; other fields stay
	MergeFill      MergeRule = "fill"      // only fields that are not there are filled in
	MergeSkip      MergeRule = "skip"      // nothing is changed
)
