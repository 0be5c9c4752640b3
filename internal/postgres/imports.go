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

	sqlMergeEdge = `
select max(line) from (select line from import_rows where import_id = $1 and line > $2 order by line limit $3) next`

	sqlMergeDomains = `
insert into domains (name)
select distinct domain from import_rows where import_id = $1 and line > $2 and line <= $3 order by 1
on conflict do nothing`

	// The last line of an address wins. Rows are taken in key order, so that
	// two imports never wait for each other in a circle. An existing contact
	// keeps its status and its address; only fields that differ are written.
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
    returning c.created_at = c.updated_at and c.created_at = $4 as created
)
select (select count(*) from lines),
       (select count(*) from lines where again),
       (select count(*) from lines where not again and status not in ('subscribe', 'unconfirmed')),
       (select count(*) from merged where created),
       (select count(*) from merged where not created)`

	// Someone who left stays away: an existing membership is never touched.
	sqlMergeMembers = `
insert into list_members (list_id, contact_id, status, since, import_id)
select $4, c.id, case r.status when 'subscribe' then 'subscribed' else 'unconfirmed' end, $5, $1
  from (select distinct on (address_key) address_key, status from import_rows
         where import_id = $1 and line > $2 and line <= $3 order by address_key, line desc) r
  join contacts c on c.address_key = r.address_key
 where r.status in ('subscribe', 'unconfirmed')
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
