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

	// sqlLastRows are the rows of a range of addresses ($1, $2], of each address
	// the last one, and the contacts that are known among them. $6 is the rule
	// for their fields.
	sqlLastRows = `
with last as materialized (
    select distinct on (r.address_key) r.line, r.address_key, coalesce(r.address, r.address_key) as address,
           coalesce(r.canonical_key, r.address_key) as canonical_key, r.domain, r.fields, r.status, r.consent,
           r.status in ('subscribe', 'unconfirmed') as welcome
      from import_rows r where r.address_key > $1 and r.address_key <= $2
     order by r.address_key, r.line desc
), known as materialized (
    select l.address_key, c.id, c.fields as before,
           case $6 when 'fill' then l.fields || c.fields when 'skip' then c.fields else c.fields || l.fields end as after
      from last l join contacts c on c.address_key = l.address_key
     where l.welcome
), barred as (
    select l.line from last l join suppressions s on s.kind = 'address' and s.key = l.address_key
     where l.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
    union
    select l.line from last l join suppressions s on s.kind = 'address' and s.canonical_key = l.canonical_key
     where l.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
    union
    select l.line from last l join suppressions s on s.kind = 'domain' and s.key = l.domain
     where l.welcome and (s.list_id is null or s.list_id = $5) and (s.expires_at is null or s.expires_at > $3)
), twins as (
    select count(*) as n from last l
     where l.welcome and not exists (select from known k where k.address_key = l.address_key)
       and exists (select from contacts c where c.canonical_key = l.canonical_key)
)`

	// What a merge finds, all from one look at the database.
	sqlMergeFound = `
select (select count(*) from import_rows where address_key > $1 and address_key <= $2),
       (select count(*) from last), (select count(*) from last where not welcome and status <> 'erased'),
       (select count(*) from last where status = 'erased'), (select count(*) from barred), (select n from twins),`

	// An existing contact keeps its status and its address; only fields that
	// differ are written. Someone who left stays away: an existing membership is
	// never touched. A row that was inserted, not updated, has no xmax.
	sqlMergeStep = sqlLastRows + `, inserted as (
    insert into contacts as c (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
    select l.address, l.address_key, l.canonical_key, d.id, l.fields, $3, $3, $3
      from last l join domains d on d.name = l.domain
     where l.welcome and not exists (select from known k where k.address_key = l.address_key)
     order by l.address_key
    on conflict (address_key) do update set fields = c.fields || excluded.fields, updated_at = $3 -- made by others just now
    returning c.id, c.address_key, c.xmax = 0 as made
), changed as (
    update contacts c set fields = k.after, updated_at = $3
      from known k where c.id = k.id and k.after <> k.before
    returning c.id, k.before
), everyone as materialized (
    select id, address_key, false as made from known union all select id, address_key, made from inserted
), joined as (
    insert into list_members (list_id, contact_id, status, since, import_id, consent)
    select $5, e.id, case l.status when 'subscribe' then 'subscribed' else 'unconfirmed' end, $3, $4, l.consent
      from everyone e join last l on l.address_key = e.address_key
     order by e.id
    on conflict do nothing
    returning contact_id
), suppressed as (
    insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
    select 'global', 'address', l.address_key, case when l.status <> 'bounced' then l.canonical_key end,
           case l.status when 'bounced' then 'bounced' when 'complained' then 'complained' else 'imported_suppression' end,
           jsonb_build_object('import', $4::bigint, 'line', l.line % 1099511627776), $3
      from last l where not l.welcome and l.status <> 'erased' order by l.address_key
    on conflict do nothing
), noted as (
    insert into import_steps (import_id, seq, at, made, found, joined, changed, previous, least, greatest)
    select $4, $7, $3, coalesce(array_agg(id) filter (where made), '{}'), coalesce(array_agg(id) filter (where not made), '{}'),
           coalesce((select array_agg(contact_id) from joined), '{}'),
           coalesce((select array_agg(id) from changed), '{}'), coalesce((select array_agg(before) from changed), '{}'),
           min(id) filter (where not made), max(id) filter (where not made)
      from everyone
)` + sqlMergeFound + `
       (select count(*) from inserted where made),
       (select count(*) from changed) + (select count(*) from inserted where not made),
       (select count(*) from joined)`

	// The same figures, and nothing is written. $4 and $7 are what an import
	// has them for.
	sqlMergeCheck = sqlLastRows + sqlMergeFound + `
       (select count(*) from last l where l.welcome and not exists (select from known k where k.address_key = l.address_key)),
       (select count(*) from known where after <> before),
       (select count(*) from last l left join known k on k.address_key = l.address_key
         where l.welcome and ($4::bigint, $7::int) is not null
           and not exists (select from list_members m where m.list_id = $5 and m.contact_id = k.id))`
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
	sql := sqlMergeStep
	if i.DryRun {
		sql = sqlMergeCheck
	}
	for _, lock := range []string{sqlMergeLock, sqlErasureShare} {
		if _, err := tx.Exec(ctx, lock); err != nil {
			return err
		}
	}
	c := &i.Counts
	var rows, addresses, only, erased, barred, twins, created, updated, joined int64
	err := tx.QueryRow(ctx, staged(i.ID, sql), after, i.MergedKey, now, i.ID, i.List, string(rule), c.Steps).
		Scan(&rows, &addresses, &only, &erased, &barred, &twins, &created, &updated, &joined)
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
