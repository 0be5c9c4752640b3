package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlMergeEdge = `
select max(address_key) from (select address_key from import_rows where address_key > $1 order by address_key limit $2) next`

	// One merge at a time: two imports of the same people never wait for each
	// other in a circle.
	sqlMergeLock = `select pg_advisory_xact_lock(7310584035)`

	// Every join of a merge looks up an index for each row of the step. Nothing
	// is known about the size of a step's parts, and a planner that guesses would
	// now and then read all contacts, or compare all rows of a step with all.
	// The plan cache serves the checks of foreign keys: planning each again would
	// take ten times as long as the check.
	sqlMergeByIndex = `
select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('plan_cache_mode', 'auto', true)`

	// sqlLastRows are the rows of a range of addresses ($1, $2], of each address
	// the last one.
	sqlLastRows = `
with last as materialized (
    select distinct on (r.address_key) r.line, r.address_key, coalesce(r.address, r.address_key) as address,
           coalesce(r.canonical_key, r.address_key) as canonical_key, r.domain, r.fields, r.status, r.consent,
           r.status in ('subscribe', 'unconfirmed') as welcome
      from import_rows r where r.address_key > $1 and r.address_key <= $2
     order by r.address_key, r.line desc
)`

	// sqlJudgedRows adds what is known of them. $3 is now, $5 the list, $6 the
	// rule for fields. Indexes: contacts_address_key_key, suppressions_once,
	// suppressions_canonical, contacts_canonical.
	sqlJudgedRows = sqlLastRows + `, judged as materialized (
    select l.*, c.id, c.fields as before,
           case $6 when 'fill' then l.fields || c.fields when 'skip' then c.fields else c.fields || l.fields end as after
      from last l left join contacts c on c.address_key = l.address_key
), barred as (
    select j.line from judged j join suppressions s on s.kind = 'address' and s.key = j.address_key
     where j.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
    union
    select j.line from judged j join suppressions s on s.kind = 'address' and s.canonical_key = j.canonical_key
     where j.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
    union
    select j.line from judged j join suppressions s on s.kind = 'domain' and s.key = j.domain
     where j.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
)`

	// What a merge finds, all from one look at the database.
	sqlMergeFound = `
select (select count(*) from import_rows where address_key > $1 and address_key <= $2),
       (select count(*) from judged), (select count(*) from judged where not welcome and status <> 'erased'),
       (select count(*) from judged where status = 'erased'), (select count(*) from barred),
       (select count(*) from judged j where welcome and id is null
           and exists (select from contacts c where c.canonical_key = j.canonical_key)),`

	// An existing contact keeps its status and its address; only fields that
	// differ are written. A row that was inserted, not updated, has no xmax.
	sqlMergeContacts = sqlJudgedRows + `, inserted as (
    insert into contacts as c (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
    select j.address, j.address_key, j.canonical_key, d.id, j.fields, $3, $3, $3
      from judged j join domains d on d.name = j.domain
     where j.welcome and j.id is null
     order by j.address_key
    on conflict (address_key) do update set fields = c.fields || excluded.fields, updated_at = $3 -- made by others just now
    returning c.id, c.xmax = 0 as made
), changed as (
    update contacts c set fields = j.after, updated_at = $3
      from judged j where c.id = j.id and j.welcome and j.after <> j.before
    returning c.id, j.before
), suppressed as (
    insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
    select 'global', 'address', j.address_key, case when j.status <> 'bounced' then j.canonical_key end,
           case j.status when 'bounced' then 'bounced' when 'complained' then 'complained' else 'imported_suppression' end,
           jsonb_build_object('import', $4::bigint, 'line', j.line % 1099511627776), $3
      from judged j where not j.welcome and j.status <> 'erased' order by j.address_key
    on conflict do nothing
), noted as (
    insert into import_steps (import_id, seq, at, made, found, joined, changed, previous, least, greatest)
    select $4, $7, $3, coalesce((select array_agg(id) from inserted where made), '{}'),
           coalesce(array_agg(j.id), '{}') || coalesce((select array_agg(id) from inserted where not made), '{}'), '{}',
           coalesce((select array_agg(id) from changed), '{}'), coalesce((select array_agg(before) from changed), '{}'),
           min(j.id), max(j.id)
      from judged j where j.welcome and j.id is not null
)` + sqlMergeFound + `
       (select count(*) from inserted where made),
       (select count(*) from changed) + (select count(*) from inserted where not made)`

	// Someone who left stays away: an existing membership is never touched.
	sqlMergeMembers = sqlLastRows + `, joined as (
    insert into list_members (list_id, contact_id, status, since, import_id, consent)
    select $4, c.id, case l.status when 'subscribe' then 'subscribed' else 'unconfirmed' end, $5, $3, l.consent
      from last l join contacts c on c.address_key = l.address_key
     where l.welcome
     order by c.id
    on conflict do nothing
    returning contact_id
), noted as (
    update import_steps set joined = coalesce((select array_agg(contact_id) from joined), '{}')
     where import_id = $3 and seq = $6
)
select count(*) from joined`

	// The same figures, and nothing is written. $4 and $7 are there for the
	// likeness.
	sqlMergeCheck = sqlJudgedRows + sqlMergeFound + `
       (select count(*) from judged where welcome and id is null),
       (select count(*) from judged where welcome and id is not null and after <> before and ($4::bigint, $7::int) is not null)`
	sqlMergeCheckMembers = sqlLastRows + `
select count(*)
  from last l left join contacts c on c.address_key = l.address_key
 where l.welcome and ($3::bigint, $5::timestamptz, $6::int) is not null
   and not exists (select from list_members m where m.list_id = $4 and m.contact_id = c.id)`
)

// MergeRule says what becomes of the fields of contacts who are known.
type MergeRule string

// The rules.
const (
	MergeOverwrite MergeRule = "overwrite" // the file's values win; other fields stay
	MergeFill      MergeRule = "fill"      // only fields that are not there are filled in
	MergeSkip      MergeRule = "skip"      // nothing is changed
)

// MergeStep merges the next size staged rows, by address, into contacts and the
// list, and moves the import behind them in the same transaction; a dry run only
// counts. It returns true, and the import has ended, when no row is left.
func (s *Store) MergeStep(ctx context.Context, i *Import, rule MergeRule, size int, now time.Time) (bool, error) {
	done := false
	err := s.step(ctx, i, now, func(tx pgx.Tx, next *Import) error {
		if err := intact(ctx, tx, i.ID); err != nil {
			return err
		}
		var edge *string
		if err := tx.QueryRow(ctx, staged(i.ID, sqlMergeEdge), i.MergedKey, size).Scan(&edge); err != nil {
			return err
		}
		if edge == nil {
			done = true
			return endImport(ctx, tx, next, now)
		}
		next.MergedKey = *edge
		return mergeRange(ctx, tx, i.MergedKey, next, rule, now)
	})
	if err != nil {
		return false, fmt.Errorf("import %d: merge: %w", i.ID, err)
	}
	return done, nil
}

func endImport(ctx context.Context, tx pgx.Tx, next *Import, now time.Time) error {
	next.State = ImportDone
	if next.DryRun {
		next.State = ImportChecked
	}
	if err := dropImportFiles(ctx, tx, *next); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlImportsForget, now)
	return err
}

func mergeRange(ctx context.Context, tx pgx.Tx, after string, i *Import, rule MergeRule, now time.Time) error {
	for _, statement := range []string{sqlMergeLock, sqlErasureShare, sqlMergeByIndex} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	contacts, members := sqlMergeContacts, sqlMergeMembers
	if i.DryRun {
		contacts, members = sqlMergeCheck, sqlMergeCheckMembers
	}
	c := &i.Counts
	var rows, addresses, only, erased, barred, twins, created, updated, joined int64
	err := tx.QueryRow(ctx, staged(i.ID, contacts), after, i.MergedKey, now, i.ID, i.List, string(rule), c.Steps).
		Scan(&rows, &addresses, &only, &erased, &barred, &twins, &created, &updated)
	if err != nil {
		return err
	}
	err = tx.QueryRow(ctx, staged(i.ID, members), after, i.MergedKey, i.ID, i.List, now, c.Steps).Scan(&joined)
	if err != nil {
		return err
	}
	c.Steps++
	c.New += created
	c.Updated += updated
	c.Unchanged += addresses - only - erased - created - updated
	c.SuppressOnly += only
	c.Forgotten += erased
	c.Duplicate += rows - addresses
	c.Joined += joined
	c.Suppressed += barred
	c.SamePerson += twins
	return nil
}
