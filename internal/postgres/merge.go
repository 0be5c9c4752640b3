package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlMergeEdge = `
select max(line) from (select line from import_rows where import_id = $1 and line > $2 order by line limit $3) next`

	sqlMergeDomains = `
insert into domains (name)
select distinct domain from import_rows where import_id = $1 and line > $2 and line <= $3 order by 1
on conflict do nothing`

	// The last line of an address wins. Rows are taken in key order, so that
	// two imports never wait for each other in a circle. An existing contact
	// keeps its status and its address; only fields that differ are written. A
	// row that was inserted, not updated, has no xmax.
	sqlMergeContacts = `
with lines as materialized (
    select r.*, exists (select from import_rows later
                         where later.import_id = r.import_id and later.address_key = r.address_key
                           and later.line > r.line) as again
      from import_rows r where r.import_id = $1 and r.line > $2 and r.line <= $3
), merged as (
    insert into contacts as c (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
    select l.address, l.address_key, l.canonical_key, d.id, l.fields, $4, $4, $4
      from lines l join domains d on d.name = l.domain
     where not l.again and l.status in ('subscribe', 'unconfirmed') order by l.address_key
    on conflict (address_key) do update
       set fields = c.fields || excluded.fields, updated_at = $4
     where not c.fields @> excluded.fields
    returning c.xmax = 0 as created
)
select (select count(*) from lines),
       (select count(*) from lines where again),
       (select count(*) from lines where not again and status not in ('subscribe', 'unconfirmed')),
       (select count(*) from merged where created),
       (select count(*) from merged where not created)`

	// Someone who left stays away: an existing membership is never touched. Here
	// too the last line of an address wins, also one of a later batch.
	sqlMergeMembers = `
insert into list_members (list_id, contact_id, status, since, import_id)
select $4, c.id, case r.status when 'subscribe' then 'subscribed' else 'unconfirmed' end, $5, $1
  from import_rows r
  join contacts c on c.address_key = r.address_key
 where r.import_id = $1 and r.line > $2 and r.line <= $3 and r.status in ('subscribe', 'unconfirmed')
   and not exists (select from import_rows later where later.import_id = r.import_id
                      and later.address_key = r.address_key and later.line > r.line)
 order by c.id
on conflict do nothing`

	// Rows that the file itself marks as left, bounced or complained.
	sqlMergeSuppressions = `
insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
select 'global', 'address', r.address_key, case when r.status <> 'bounced' then r.canonical_key end,
       case r.status when 'bounced' then 'bounced' when 'complained' then 'complained' else 'imported_suppression' end,
       jsonb_build_object('import', r.import_id, 'line', r.line), $4
  from import_rows r
 where r.import_id = $1 and r.line > $2 and r.line <= $3 and r.status not in ('subscribe', 'unconfirmed')
 order by r.address_key
on conflict do nothing`

	sqlMergeSuppressed = `
select count(*)
  from import_rows r
 where r.import_id = $1 and r.line > $2 and r.line <= $3
   and r.status in ('subscribe', 'unconfirmed')
   and not exists (select from import_rows later where later.import_id = r.import_id
                      and later.address_key = r.address_key and later.line > r.line)
   and exists (select from suppressions s
                where s.kind = 'address' and (s.key = r.address_key or s.canonical_key = r.canonical_key)
                  and (s.scope = 'global' or s.list_id = $4) and (s.expires_at is null or s.expires_at > $5))`
)

// BeginMerging turns to the second half of the work.
func (s *Store) BeginMerging(ctx context.Context, i *Import) error {
	i.State, i.Cursor = ImportMerging, 0
	if err := saveImport(ctx, s.pool, *i, time.Time{}); err != nil {
		return fmt.Errorf("import %d: begin merging: %w", i.ID, err)
	}
	return nil
}

// MergeBatch merges the next size staged rows into contacts and the list, and
// moves the import's cursor and counts past them in the same transaction. It
// returns true, and the import is done, when no row is left.
func (s *Store) MergeBatch(ctx context.Context, i *Import, size int, now time.Time) (bool, error) {
	done := false
	next := *i
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		var edge *int64
		if err := tx.QueryRow(ctx, sqlMergeEdge, i.ID, i.Cursor, size).Scan(&edge); err != nil {
			return err
		}
		if edge == nil {
			done = true
			next.State = ImportDone
			if _, err := tx.Exec(ctx, sqlImportForget, i.ID); err != nil {
				return err
			}
			return saveImport(ctx, tx, next, now)
		}
		if err := mergeRange(ctx, tx, &next, *edge, now); err != nil {
			return err
		}
		next.Cursor = *edge
		return saveImport(ctx, tx, next, time.Time{})
	})
	if err != nil {
		return false, fmt.Errorf("import %d: merge after line %d: %w", i.ID, i.Cursor, err)
	}
	*i = next
	return done, nil
}

func mergeRange(ctx context.Context, tx pgx.Tx, i *Import, edge int64, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlMergeDomains, i.ID, i.Cursor, edge); err != nil {
		return err
	}
	var rows, again, only, created, updated, suppressed int64
	err := tx.QueryRow(ctx, sqlMergeContacts, i.ID, i.Cursor, edge, now).Scan(&rows, &again, &only, &created, &updated)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, sqlMergeMembers, i.ID, i.Cursor, edge, i.List, now)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlMergeSuppressions, i.ID, i.Cursor, edge, now); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, sqlMergeSuppressed, i.ID, i.Cursor, edge, i.List, now).Scan(&suppressed); err != nil {
		return err
	}
	c := &i.Counts
	c.New += created
	c.Updated += updated
	c.Unchanged += rows - again - only - created - updated
	c.SuppressOnly += only
	c.Duplicate += again
	c.Joined += tag.RowsAffected()
	c.Suppressed += suppressed
	return nil
}
