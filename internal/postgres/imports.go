package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ImportState is where an import stands.
type ImportState string

// The states of an import, in order. A dry run ends as ImportChecked; ImportFailed
// ends an import early, and an import that is done may be undone.
const (
	ImportDraft   ImportState = "draft" // nobody has confirmed its columns yet
	ImportWaiting ImportState = "waiting"
	ImportStaging ImportState = "staging"
	ImportMerging ImportState = "merging"
	ImportDone    ImportState = "done"
	ImportFailed  ImportState = "failed"
	ImportChecked ImportState = "checked"
	ImportUndoing ImportState = "undoing"
	ImportUndone  ImportState = "undone"
)

// Settled reports whether nothing changes any more unless somebody asks for it.
func (s ImportState) Settled() bool {
	return s == ImportDraft || s == ImportDone || s == ImportFailed || s == ImportChecked || s == ImportUndone
}

// Place is a row of an upload: which of its files, and the line in that file.
type Place int64

// placeLines is how many lines of a file a Place can tell apart.
const placeLines = 1 << 40

// PlaceOf returns the place of a line, from 1, in a file of an upload, from 0.
func PlaceOf(file, line int) Place { return Place(int64(file)*placeLines + int64(line)) }

// File returns which file of the upload it is, from 0.
func (p Place) File() int { return int(p / placeLines) }

// Line returns the line in that file, from 1.
func (p Place) Line() int { return int(p % placeLines) }

// Import is one upload on its way into contacts.
type Import struct {
	ID           int64           `json:"id"`
	List         int64           `json:"-"` // 0 until a list that did not exist is made
	ListName     string          `json:"list"`
	FileName     string          `json:"file"`
	Size         int64           `json:"size"`       // bytes of the upload
	ReadBytes    int64           `json:"read_bytes"` // how many of them are read
	State        ImportState     `json:"state"`
	DryRun       bool            `json:"dry_run"`
	Consent      string          `json:"consent,omitempty"`
	Plan         json.RawMessage `json:"-"` // how the file is read: internal/jobs knows
	Cursor       Place           `json:"-"` // the row to stage next; 0: the first
	CursorOffset int64           `json:"-"` // its byte in its file
	MergedKey    string          `json:"-"` // last address merged
	Counts       ImportCounts    `json:"counts"`
	Problem      string          `json:"problem,omitempty"`
	CreatedAt    time.Time       `json:"created_at"`
	FinishedAt   time.Time       `json:"finished_at,omitzero"`
}

// Progress returns how much of the work is done, from 0 to 1: reading counts as
// a third of it.
func (i Import) Progress() float64 {
	switch i.State {
	case ImportStaging:
		return float64(i.ReadBytes) / float64(max(i.Size, 1)) / 3
	case ImportMerging:
		valid := i.Counts.Rows - i.Counts.Refused() - i.Counts.Erased
		return 1./3 + float64(i.Counts.Merged())/float64(max(valid, 1))*2/3
	case ImportDraft, ImportWaiting:
		return 0
	}
	return 1
}

// ErrImportMoved says that somebody else works the same import, or that Postgres
// crashed and what was staged is gone: the work must begin again from what the
// database says.
var ErrImportMoved = errors.New("the import is not where it was left")

const (
	sqlImport = `
select i.id, coalesce(i.list_id, 0), coalesce(l.name, i.list_name), i.file_name, i.size, i.read_bytes, i.state,
       i.dry_run, i.consent, i.plan, i.cursor, i.cursor_offset, i.merged_key, i.counts, coalesce(i.problem, ''),
       i.created_at, i.finished_at
  from imports i left join lists l on l.id = i.list_id`
	sqlImportByID   = sqlImport + ` where i.id = $1`
	sqlImportNewest = sqlImport + ` order by i.id desc limit $1`

	// The newest plan for a list in which a person chose columns.
	sqlImportLastPlan = `
select i.plan from imports i join lists l on l.id = i.list_id
 where l.name = $1 and i.plan ? 'map' order by i.id desc limit 1`

	sqlImportAt = `select state, cursor, merged_key from imports where id = $1`
	// A weaker lock than "for update": the other range of a merge refers to the import.
	sqlImportHold = sqlImportAt + ` for no key update`

	sqlImportProgress = `
update imports set list_id = nullif($2, 0), read_bytes = $3, state = $4, cursor = $5, cursor_offset = $6,
       merged_key = $7, counts = $8, problem = nullif($9, ''), finished_at = $10
 where id = $1`

	sqlDropChunks = `delete from import_chunks where import_id = $1`

	// Undo is offered for undoFor; an upload that was only checked is kept for
	// a week, to be imported without another upload.
	sqlImportsForget = `
with old as (
    delete from import_steps s using imports i
     where i.id = s.import_id and i.finished_at < $1::timestamptz - interval '30 days'
)
delete from import_chunks c using imports i
 where i.id = c.import_id and coalesce(i.finished_at, case when i.state = 'draft' then i.created_at end) < $1::timestamptz - interval '7 days'`
)

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
	err := row.Scan(&i.ID, &i.List, &i.ListName, &i.FileName, &i.Size, &i.ReadBytes, &i.State, &i.DryRun, &i.Consent,
		&i.Plan, &i.Cursor, &i.CursorOffset, &i.MergedKey, &counts, &i.Problem, &i.CreatedAt, &finished)
	if err != nil {
		return i, err
	}
	i.FinishedAt = nullAsZero(finished)
	if err := json.Unmarshal(counts, &i.Counts); err != nil {
		return i, fmt.Errorf("counts of import %d: %w", i.ID, err)
	}
	return i, nil
}

// LastPlan returns the newest plan of an import into a list in which a person
// chose columns; nil when there is none.
func (s *Store) LastPlan(ctx context.Context, list string) (json.RawMessage, error) {
	var plan json.RawMessage
	err := s.pool.QueryRow(ctx, sqlImportLastPlan, list).Scan(&plan)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("earlier imports into %q: %w", list, err)
	}
	return plan, nil
}

// step runs one piece of an import's work in a transaction that holds the
// import, and saves what work made of it. It returns [ErrImportMoved], without
// calling work, when the import is not where i says.
func (s *Store) step(ctx context.Context, i *Import, now time.Time, work func(tx pgx.Tx, next *Import) error) error {
	next := *i
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if err := i.stands(ctx, tx, sqlImportHold); err != nil {
			return err
		}
		if err := work(tx, &next); err != nil {
			return err
		}
		if next.State.Settled() && next.State != i.State {
			next.settle(now)
		}
		return saveImport(ctx, tx, next)
	})
	if err == nil {
		*i = next
	}
	return err
}

// stands returns [ErrImportMoved] when an import is not where i says. The statement is
// sqlImportAt, or sqlImportHold to have it stay there.
func (i *Import) stands(ctx context.Context, tx pgx.Tx, statement string) error {
	var at Import
	if err := tx.QueryRow(ctx, statement, i.ID).Scan(&at.State, &at.Cursor, &at.MergedKey); err != nil {
		return err
	}
	if at.State != i.State || at.Cursor != i.Cursor || at.MergedKey != i.MergedKey {
		return ErrImportMoved
	}
	return nil
}

// settle notes that an import has come to an end.
func (i *Import) settle(now time.Time) {
	i.MergedKey, i.FinishedAt = "", now
}

func saveImport(ctx context.Context, q queryer, i Import) error {
	counts, err := json.Marshal(i.Counts)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, sqlImportProgress, i.ID, i.List, i.ReadBytes, string(i.State), i.Cursor, i.CursorOffset,
		i.MergedKey, counts, i.Problem, zeroAsNull(i.FinishedAt))
	return err
}

// FailImport ends an import whose file cannot be read, with the reason.
func (s *Store) FailImport(ctx context.Context, i *Import, problem string, now time.Time) error {
	err := s.step(ctx, i, now, func(tx pgx.Tx, next *Import) error {
		next.State, next.Problem = ImportFailed, problem
		return dropImportFiles(ctx, tx, *next)
	})
	if err != nil {
		return fmt.Errorf("import %d: %w", i.ID, err)
	}
	return nil
}

// dropImportFiles gives up what is needed only while an import is worked: the
// staging table and, unless it may be worked again, the upload.
func dropImportFiles(ctx context.Context, tx pgx.Tx, i Import) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf(sqlStagingDrop, i.ID)); err != nil {
		return err
	}
	if i.State != ImportChecked {
		if _, err := tx.Exec(ctx, sqlDropChunks, i.ID); err != nil {
			return err
		}
	}
	return nil
}

// staged returns a statement on the staging table of an import: statements are
// written, and tested, for the table import_rows that all of them are like.
func staged(id int64, sql string) string {
	return strings.ReplaceAll(sql, "import_rows", "import_rows_"+strconv.FormatInt(id, 10))
}
