package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlStagingDrop   = `drop table if exists import_rows_%d`
	sqlStagingCreate = `create unlogged table import_rows_%[1]d (like import_rows including all)`
	sqlStagingIndex  = `create index on import_rows_%d (address_key, line desc)`
	// Each address is compared with the one before it; the planner must know
	// that there are many.
	sqlStagingAnalyze = `analyze import_rows_%d (address_key)`
	sqlStagingMemory  = `set local maintenance_work_mem = '128MB'`
	sqlStagingThere   = `select to_regclass($1) is not null`

	// The sentinel is the first row of its table: a table without any row was
	// emptied by a crash of Postgres.
	sqlStagingSentinel = `insert into import_rows (line, address_key, domain, fields, status) values (0, '', '', '{}', '')`
	sqlStagingIntact   = `select exists (select from import_rows)`
	sqlStagingCopy     = `
copy import_rows (line, address_key, address, canonical_key, domain, fields, status, consent) from stdin binary`

	sqlStagingDomains = `
insert into domains (name)
select n.name from unnest($1::text[]) as n(name) where not exists (select from domains d where d.name = n.name)
 order by 1
on conflict do nothing`

	sqlUnreject = `delete from import_rejects where import_id = $1`
	sqlRejects  = `select line, code, words, suggestion, cells from import_rejects where import_id = $1 order by line`
)

// StagedRow is a valid row of an upload.
type StagedRow struct {
	Place        Place
	Address      string
	AddressKey   string
	CanonicalKey string
	Domain       string
	Fields       []byte // a JSON object
	Status       string // see listhygiene/intake
	Consent      []byte // a JSON object; nil when nothing is known
}

// RejectedRow is a row that was refused, as it stood in the file.
type RejectedRow struct {
	Place Place
	Code  string // stable machine code
	Words string
	// Suggestion is the address that was probably meant; empty when none is near.
	Suggestion string
	Cells      []string
}

// BeginStaging makes an empty staging table and starts from the first row. What
// an earlier try merged stays merged.
func (s *Store) BeginStaging(ctx context.Context, i *Import) error {
	err := s.step(ctx, i, time.Time{}, func(tx pgx.Tx, next *Import) error {
		next.State, next.Cursor, next.CursorOffset, next.ReadBytes = ImportStaging, 0, 0, 0
		next.Counts.restage()
		if _, err := tx.Exec(ctx, sqlUnreject, i.ID); err != nil {
			return err
		}
		for _, statement := range []string{fmt.Sprintf(sqlStagingDrop, i.ID), fmt.Sprintf(sqlStagingCreate, i.ID),
			staged(i.ID, sqlStagingSentinel)} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("import %d: begin staging: %w", i.ID, err)
	}
	return nil
}

// Staged reports whether what an import staged is still there.
func (s *Store) Staged(ctx context.Context, id int64) (bool, error) {
	var there bool
	err := s.pool.QueryRow(ctx, sqlStagingThere, fmt.Sprintf("import_rows_%d", id)).Scan(&there)
	if err == nil && there {
		err = s.pool.QueryRow(ctx, staged(id, sqlStagingIntact)).Scan(&there)
	}
	if err != nil {
		return false, fmt.Errorf("import %d: %w", id, err)
	}
	return there, nil
}

// intact returns [ErrImportMoved] when a crash emptied the staging table since
// the import was taken up.
func intact(ctx context.Context, tx pgx.Tx, id int64) error {
	var there bool
	if err := tx.QueryRow(ctx, staged(id, sqlStagingIntact)).Scan(&there); err != nil {
		return err
	}
	if !there {
		return ErrImportMoved
	}
	return nil
}

// StageBatch stores a batch together with its domains and with the import's
// cursor and counts. Rows
// of people who asked to be forgotten are left out: hash returns the keyed hash
// of a key, and is not called as long as nobody asked.
func (s *Store) StageBatch(ctx context.Context, i *Import, b *StagedBatch, hash func(key string) []byte) error {
	err := s.step(ctx, i, time.Time{}, func(tx pgx.Tx, next *Import) error {
		var there, somebodyErased bool
		batch := &pgx.Batch{} // one after the other, but sent together
		batch.Queue(sqlUnhurried)
		batch.Queue(sqlErasureShare)
		batch.Queue(staged(i.ID, sqlStagingIntact)).QueryRow(func(row pgx.Row) error { return row.Scan(&there) })
		batch.Queue(sqlErasuresAny).QueryRow(func(row pgx.Row) error { return row.Scan(&somebodyErased) })
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if !there {
			return ErrImportMoved
		}
		if somebodyErased && hash != nil {
			erased, err := leaveOutErased(ctx, tx, b, hash)
			if err != nil {
				return err
			}
			next.Counts.Erased += erased
		}
		if len(b.staged) > 0 {
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, b.copy(), staged(i.ID, sqlStagingCopy)); err != nil {
				return err
			}
		}
		if len(b.Domains) > 0 && !i.DryRun {
			if _, err := tx.Exec(ctx, sqlStagingDomains, b.Domains); err != nil {
				return err
			}
		}
		if err := storeRejects(ctx, tx, i.ID, b.Rejects); err != nil {
			return err
		}
		next.Cursor, next.CursorOffset, next.ReadBytes = b.Next, b.NextOffset, b.ReadBytes
		next.Counts.add(b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("import %d: stage up to line %d: %w", i.ID, b.Next.Line(), err)
	}
	return nil
}

func storeRejects(ctx context.Context, tx pgx.Tx, id int64, rejected []RejectedRow) error {
	if len(rejected) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_rejects"},
		[]string{"import_id", "line", "code", "words", "suggestion", "cells"},
		pgx.CopyFromSlice(len(rejected), func(n int) ([]any, error) {
			r := rejected[n]
			return []any{id, int64(r.Place), r.Code, r.Words, r.Suggestion, r.Cells}, nil
		}))
	return err
}

// BeginMerging turns to the second half of the work: it sorts what was staged
// and makes the list if it is new.
func (s *Store) BeginMerging(ctx context.Context, i *Import, now time.Time) error {
	err := s.step(ctx, i, now, func(tx pgx.Tx, next *Import) error {
		if err := intact(ctx, tx, i.ID); err != nil {
			return err
		}
		next.State = ImportMerging
		for _, statement := range []string{sqlStagingMemory, fmt.Sprintf(sqlStagingIndex, i.ID), fmt.Sprintf(sqlStagingAnalyze, i.ID)} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if i.DryRun {
			return nil
		}
		if _, err := tx.Exec(ctx, sqlEnsureList, i.ListName, now); err != nil {
			return err
		}
		return tx.QueryRow(ctx, sqlListID, i.ListName).Scan(&next.List)
	})
	if err != nil {
		return fmt.Errorf("import %d: begin merging: %w", i.ID, err)
	}
	return nil
}

// EachReject hands the refused rows of an import to use, one by one in the
// order of the upload, without gathering them.
func (s *Store) EachReject(ctx context.Context, id int64, use func(RejectedRow) error) error {
	rows, err := s.pool.Query(ctx, sqlRejects, id)
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	var r RejectedRow
	_, err = pgx.ForEachRow(rows, []any{&r.Place, &r.Code, &r.Words, &r.Suggestion, &r.Cells}, func() error { return use(r) })
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	return nil
}
