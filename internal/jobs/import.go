package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

const (
	// stageBatch rows are copied, and mergeBatch merged, in one transaction.
	stageBatch = 20_000
	mergeBatch = 20_000
)

// ImportPlan says how a file is read: what was guessed from its beginning, and
// what a person changed.
type ImportPlan struct {
	Format  intake.Format  `json:"format"`
	Mapping intake.Mapping `json:"mapping"`
	Options intake.Options `json:"options"`
}

type importArgs struct {
	Import int64 `json:"import"`
}

func (importArgs) Kind() string { return "import" }

func (importArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000}
}

type importWorker struct {
	river.WorkerDefaults[importArgs]
	bulk *Bulk
}

func (w *importWorker) NextRetry(job *river.Job[importArgs]) time.Time { return soon(job.Attempt) }

// Work stages the rows of a file and merges them into contacts. Interrupted, it
// goes on where it stood; what was staged and then lost with a crash of Postgres
// is staged again.
func (w *importWorker) Work(ctx context.Context, job *river.Job[importArgs]) error {
	store := w.bulk.Store
	i, err := store.Import(ctx, job.Args.Import)
	if errors.Is(err, postgres.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil || i.State == postgres.ImportFailed {
		return err
	}
	if i.State == postgres.ImportDone {
		return w.bulk.verifyImport(ctx, i)
	}
	staged, err := store.Staged(ctx, i.ID)
	if err != nil {
		return err
	}
	if i.State == postgres.ImportWaiting || !staged {
		if err := store.BeginStaging(ctx, &i); err != nil {
			return err
		}
	}
	if i.State == postgres.ImportStaging {
		if err := w.stage(ctx, &i); err != nil {
			var unreadable *intake.Refusal
			if errors.As(err, &unreadable) {
				return store.FailImport(ctx, i, unreadable.Error(), time.Now())
			}
			return err
		}
		if err := store.BeginMerging(ctx, &i); err != nil {
			return err
		}
	}
	for done := false; !done; {
		if done, err = store.MergeBatch(ctx, &i, mergeBatch, time.Now()); err != nil {
			return err
		}
	}
	return w.bulk.verifyImport(ctx, i)
}

// stage copies the rows after the import's cursor into the staging table.
func (w *importWorker) stage(ctx context.Context, i *postgres.Import) error {
	var plan ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	mapper, err := intake.NewMapper(plan.Mapping, plan.Options)
	if err != nil {
		return err
	}
	if i.Counts.Invalid == nil {
		i.Counts.Invalid = make(map[string]int64)
	}
	reader := intake.NewReader(w.bulk.Store.ImportFile(ctx, i.ID), plan.Format)
	batch := stagedBatch{}
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return batch.flush(ctx, w.bulk.Store, i)
		}
		if err != nil {
			return err
		}
		if int64(record.Line) <= i.Cursor {
			continue // staged before an interruption
		}
		batch.add(record, mapper.Row(record))
		if batch.size() >= stageBatch {
			if err := batch.flush(ctx, w.bulk.Store, i); err != nil {
				return err
			}
		}
	}
}

// stagedBatch gathers rows until they are stored with the cursor behind them.
type stagedBatch struct {
	rows    []postgres.StagedRow
	rejects []postgres.RejectedRow
	line    int64
	counted int64
	invalid []string
}

func (b *stagedBatch) size() int { return len(b.rows) + len(b.rejects) }

func (b *stagedBatch) add(record intake.Record, row intake.Row) {
	b.line = int64(record.Line)
	b.counted++
	if row.Problem != nil {
		b.invalid = append(b.invalid, string(row.Problem.Code))
		b.rejects = append(b.rejects, postgres.RejectedRow{Line: b.line, Code: string(row.Problem.Code),
			Words:      row.Problem.Words(),
			Suggestion: row.Problem.Suggestion, Cells: append([]string(nil), record.Cells...)})
		return
	}
	fields := make(map[string]string, len(row.Fields))
	for _, f := range row.Fields {
		fields[f.Name] = f.Value
	}
	b.rows = append(b.rows, postgres.StagedRow{Line: b.line, Address: row.Address.String(),
		AddressKey: row.Address.Key(), CanonicalKey: row.Address.Canonical(), Domain: row.Address.Domain,
		Fields: fields, Status: string(row.Status)})
}

// flush stores the batch. The counts change only with it.
func (b *stagedBatch) flush(ctx context.Context, store *postgres.Store, i *postgres.Import) error {
	if b.counted == 0 {
		return nil
	}
	i.Cursor = b.line
	i.Counts.Rows += b.counted
	for _, code := range b.invalid {
		i.Counts.Invalid[code]++
	}
	if err := store.StageBatch(ctx, *i, b.rows, b.rejects); err != nil {
		return err
	}
	*b = stagedBatch{rows: b.rows[:0], rejects: b.rejects[:0]}
	return nil
}

// ImportTx inserts the job of an import.
func (q *Queue) ImportTx(ctx context.Context, tx pgx.Tx, id int64) error {
	if _, err := q.client.InsertTx(ctx, tx, importArgs{Import: id}, nil); err != nil {
		return fmt.Errorf("insert the job of import %d: %w", id, err)
	}
	return nil
}
