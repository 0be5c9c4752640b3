package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// ImportState is where an import stands.
type ImportState string

// The states of an import, in order; ImportFailed ends it early.
const (
	ImportWaiting ImportState = "waiting"
	ImportStaging ImportState = "staging"
	ImportMerging ImportState = "merging"
	ImportDone    ImportState = "done"
	ImportFailed  ImportState = "failed"
)

// ImportCounts are the figures of an import's report. Rows is the sum of New,
// Updated, Unchanged, Duplicate, SuppressOnly and the invalid rows.
type ImportCounts struct {
	Rows         int64            `json:"rows"`          // data rows read
	New          int64            `json:"new"`           // contacts made
	Updated      int64            `json:"updated"`       // contacts whose fields changed
	Unchanged    int64            `json:"unchanged"`     // contacts that were there already, as they are
	Duplicate    int64            `json:"duplicate"`     // rows whose address stands again further down in the file
	SuppressOnly int64            `json:"suppress_only"` // rows that the file itself marks as not to be mailed
	Joined       int64            `json:"joined"`        // contacts that became members of the list
	Suppressed   int64            `json:"suppressed"`    // of New, Updated and Unchanged: must not be mailed
	Invalid      map[string]int64 `json:"invalid"`       // rows that were refused, by reason
}

// Refused returns the number of rows that were refused.
func (c ImportCounts) Refused() int64 {
	var n int64
	for _, v := range c.Invalid {
		n += v
	}
	return n
}

// Import is one uploaded file on its way into contacts.
type Import struct {
	ID         int64
	List       int64
	ListName   string
	FileName   string
	Size       int64
	State      ImportState
	Plan       json.RawMessage // how the file is read: internal/jobs knows
	Cursor     int64
	Counts     ImportCounts
	Problem    string
	CreatedAt  time.Time
	FinishedAt time.Time
}

// StagedRow is a valid row of a file.
type StagedRow struct {
	Line         int64
	Address      string
	AddressKey   string
	CanonicalKey string
	Domain       string
	Fields       map[string]string
	Status       string // see listhygiene/intake
}

// RejectedRow is a row that was refused, as it stood in the file.
type RejectedRow struct {
	Line  int64
	Code  string // stable machine code
	Words string
	// Suggestion is the address that was probably meant; empty when none is near.
	Suggestion string
	Cells      []string
}

const (
	sqlEnsureList = `
insert into lists (name, created_at) values ($1, $2) on conflict (name) do nothing`
	sqlListID = `select id from lists where name = $1`

	sqlInsertImport = `
insert into imports (list_id, file_name, size, sha256, state, plan, created_at)
values ($1, $2, 0, ''::bytea, 'waiting', $3, $4) returning id`
	sqlInsertChunk = `insert into import_chunks (import_id, seq, data) values ($1, $2, $3)`
	sqlImportSize  = `update imports set size = $2, sha256 = $3 where id = $1`
	sqlChunk       = `select data from import_chunks where import_id = $1 and seq = $2`

	sqlImport = `
select i.id, i.list_id, l.name, i.file_name, i.size, i.state, i.plan, i.cursor, i.counts,
       coalesce(i.problem, ''), i.created_at, i.finished_at
  from imports i join lists l on l.id = i.list_id`
	sqlImportByID   = sqlImport + ` where i.id = $1`
	sqlImportNewest = sqlImport + ` order by i.id desc limit $1`

	sqlImportStart = `
insert into import_rows (import_id, line, address, address_key, canonical_key, domain, fields, status)
values ($1, 0, '', '', '', '', '{}', '')`
	sqlImportSentinel = `select exists (select from import_rows where import_id = $1 and line = 0)`
	sqlImportForget   = `delete from import_rows where import_id = $1`
	sqlImportUnreject = `delete from import_rejects where import_id = $1`
	sqlImportProgress = `
update imports set state = $2, cursor = $3, counts = $4, problem = nullif($5, ''), finished_at = $6 where id = $1`

	sqlRejects = `select line, code, words, suggestion, cells from import_rejects where import_id = $1 order by line`
)

// chunkSize is the part of an upload that is stored as one row.
const chunkSize = 1 << 20

// NewImport stores an uploaded file for the named list, which is made when it
// does not exist, and calls also in the same transaction (to insert the job).
func (s *Store) NewImport(ctx context.Context, list, fileName string, plan json.RawMessage, file io.Reader,
	digest func() []byte, now time.Time, also func(tx pgx.Tx, id int64) error) (int64, error) {

	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		var listID int64
		if _, err := tx.Exec(ctx, sqlEnsureList, list, now); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, sqlListID, list).Scan(&listID); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, sqlInsertImport, listID, fileName, plan, now).Scan(&id); err != nil {
			return err
		}
		size, err := storeChunks(ctx, tx, id, file)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlImportSize, id, size, digest()); err != nil {
			return err
		}
		return also(tx, id)
	})
	if err != nil {
		return 0, fmt.Errorf("store %s for import: %w", fileName, err)
	}
	return id, nil
}

func storeChunks(ctx context.Context, tx pgx.Tx, id int64, file io.Reader) (size int64, err error) {
	chunk := make([]byte, chunkSize)
	for seq := 0; ; seq++ {
		n, err := io.ReadFull(file, chunk)
		if n > 0 {
			if _, err := tx.Exec(ctx, sqlInsertChunk, id, seq, chunk[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return size, err
		}
	}
}

// ImportFile returns the uploaded file of an import, to be read from the start.
func (s *Store) ImportFile(ctx context.Context, id int64) io.Reader {
	return &chunkReader{ctx: ctx, store: s, id: id}
}

type chunkReader struct {
	ctx   context.Context
	store *Store
	id    int64
	seq   int
	chunk bytes.Reader
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for r.chunk.Len() == 0 {
		var data []byte
		err := r.store.pool.QueryRow(r.ctx, sqlChunk, r.id, r.seq).Scan(&data)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("uploaded file of import %d: %w", r.id, err)
		}
		r.seq++
		r.chunk.Reset(data)
	}
	return r.chunk.Read(p)
}

// Import returns one import.
func (s *Store) Import(ctx context.Context, id int64) (Import, error) {
	rows, err := s.pool.Query(ctx, sqlImportByID, id)
	if err != nil {
		return Import{}, fmt.Errorf("import %d: %w", id, err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, scanImport)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Import{}, fmt.Errorf("import %d: %w", id, err)
	}
	return i, nil
}

// Imports returns the newest imports first.
func (s *Store) Imports(ctx context.Context, limit int) ([]Import, error) {
	rows, err := s.pool.Query(ctx, sqlImportNewest, limit)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	imports, err := pgx.CollectRows(rows, scanImport)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	return imports, nil
}

func scanImport(row pgx.CollectableRow) (Import, error) {
	var (
		i        Import
		counts   []byte
		finished *time.Time
	)
	err := row.Scan(&i.ID, &i.List, &i.ListName, &i.FileName, &i.Size, &i.State, &i.Plan, &i.Cursor, &counts,
		&i.Problem, &i.CreatedAt, &finished)
	if err != nil {
		return i, err
	}
	i.FinishedAt = nullAsZero(finished)
	if err := json.Unmarshal(counts, &i.Counts); err != nil {
		return i, fmt.Errorf("counts of import %d: %w", i.ID, err)
	}
	return i, nil
}

// BeginStaging empties what an earlier try staged and starts from the first line.
func (s *Store) BeginStaging(ctx context.Context, i *Import) error {
	i.State, i.Cursor, i.Counts = ImportStaging, 0, ImportCounts{Invalid: map[string]int64{}}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		for _, statement := range []string{sqlImportForget, sqlImportUnreject, sqlImportStart} {
			if _, err := tx.Exec(ctx, statement, i.ID); err != nil {
				return err
			}
		}
		return saveImport(ctx, tx, *i, time.Time{})
	})
	if err != nil {
		return fmt.Errorf("import %d: begin staging: %w", i.ID, err)
	}
	return nil
}

// Staged reports whether what was staged is still there: a crash of Postgres
// empties the staging table.
func (s *Store) Staged(ctx context.Context, id int64) (bool, error) {
	var there bool
	if err := s.pool.QueryRow(ctx, sqlImportSentinel, id).Scan(&there); err != nil {
		return false, fmt.Errorf("import %d: %w", id, err)
	}
	return there, nil
}

// StageBatch stores valid and refused rows together with the import's cursor
// and counts, which the caller has moved past them.
func (s *Store) StageBatch(ctx context.Context, i Import, rows []StagedRow, rejected []RejectedRow) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_rows"},
			[]string{"import_id", "line", "address", "address_key", "canonical_key", "domain", "fields", "status"},
			pgx.CopyFromSlice(len(rows), func(n int) ([]any, error) {
				r := rows[n]
				return []any{i.ID, r.Line, r.Address, r.AddressKey, r.CanonicalKey, r.Domain, r.Fields, r.Status}, nil
			}))
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"import_rejects"},
			[]string{"import_id", "line", "code", "words", "suggestion", "cells"},
			pgx.CopyFromSlice(len(rejected), func(n int) ([]any, error) {
				r := rejected[n]
				return []any{i.ID, r.Line, r.Code, r.Words, r.Suggestion, r.Cells}, nil
			}))
		if err != nil {
			return err
		}
		return saveImport(ctx, tx, i, time.Time{})
	})
	if err != nil {
		return fmt.Errorf("import %d: stage up to line %d: %w", i.ID, i.Cursor, err)
	}
	return nil
}

// FailImport ends an import whose file cannot be read, with the reason.
func (s *Store) FailImport(ctx context.Context, i Import, problem string, now time.Time) error {
	i.State, i.Problem = ImportFailed, problem
	if err := saveImport(ctx, s.pool, i, now); err != nil {
		return fmt.Errorf("import %d: %w", i.ID, err)
	}
	return nil
}

func saveImport(ctx context.Context, q queryer, i Import, finished time.Time) error {
	counts, err := json.Marshal(i.Counts)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, sqlImportProgress, i.ID, string(i.State), i.Cursor, counts, i.Problem, zeroAsNull(finished))
	return err
}

// EachReject hands the refused rows of an import to use, one by one in the
// order of the file, without gathering them.
func (s *Store) EachReject(ctx context.Context, id int64, use func(RejectedRow) error) error {
	rows, err := s.pool.Query(ctx, sqlRejects, id)
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	var r RejectedRow
	_, err = pgx.ForEachRow(rows, []any{&r.Line, &r.Code, &r.Words, &r.Suggestion, &r.Cells}, func() error { return use(r) })
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", id, err)
	}
	return nil
}
