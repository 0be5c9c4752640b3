package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

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

// Work reads, merges or undoes an import, whatever its state asks for.
func (w *importWorker) Work(ctx context.Context, job *river.Job[importArgs]) error {
	err := w.bulk.Import(ctx, job.Args.Import)
	if errors.Is(err, postgres.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil {
		return err
	}
	i, err := w.bulk.Store.Import(ctx, job.Args.Import)
	if err != nil || i.State != postgres.ImportDone {
		return err // only checked, refused or undone
	}
	return w.bulk.verifyImport(ctx, i)
}

// Import works an import to its end. Interrupted at any moment, it goes on where
// it stood when it is called again; what was staged and then lost with a crash
// of Postgres is staged again.
func (b *Bulk) Import(ctx context.Context, id int64) error {
	i, err := b.Store.Import(ctx, id)
	if err != nil || i.State.Settled() {
		return err
	}
	if i.State == postgres.ImportUndoing {
		return b.undo(ctx, &i)
	}
	var plan ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	there, err := b.Store.Staged(ctx, i.ID)
	if err != nil {
		return err
	}
	if i.State == postgres.ImportWaiting || !there {
		if err := b.Store.BeginStaging(ctx, &i); err != nil {
			return err
		}
	}
	if i.State == postgres.ImportStaging {
		var unreadable *intake.Refusal
		switch err := b.stage(ctx, &i, plan); {
		case errors.As(err, &unreadable):
			return b.Store.FailImport(ctx, &i, err.Error(), time.Now())
		case err != nil:
			return err
		}
		if err := b.Store.BeginMerging(ctx, &i, time.Now()); err != nil {
			return err
		}
	}
	for done := false; !done; {
		if done, err = b.Store.MergeStep(ctx, &i, plan.rule(), b.batch(), time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// stage stores the rows after the import's cursor in the staging table: one
// goroutine reads and judges them while the other stores the batch before.
func (b *Bulk) stage(ctx context.Context, i *postgres.Import, plan ImportPlan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Half a batch at a time: two of them are in memory, and progress is seen sooner.
	r := &importReader{file: b.Store.ImportFile(ctx, *i), name: i.FileName, plan: plan, size: max(b.batch()/2, 1),
		full: make(chan *postgres.StagedBatch), empty: make(chan *postgres.StagedBatch, 2)}
	r.empty <- &postgres.StagedBatch{}
	r.empty <- &postgres.StagedBatch{}
	read := make(chan error, 1)
	go func() {
		defer close(r.full)
		read <- r.readFrom(ctx, i.Cursor, i.CursorOffset)
	}()
	for batch := range r.full {
		if err := b.Store.StageBatch(ctx, i, batch, b.Erased); err != nil {
			cancel()
			<-read
			return err
		}
		batch.Reset()
		r.empty <- batch
	}
	return <-read
}

// undo takes back an import, step by step.
func (b *Bulk) undo(ctx context.Context, i *postgres.Import) error {
	for done := false; !done; {
		var err error
		if done, err = b.Store.UndoStep(ctx, i, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// ImportTx inserts the job of an import.
func (q *Queue) ImportTx(ctx context.Context, tx pgx.Tx, id int64) error {
	if _, err := q.client.InsertTx(ctx, tx, importArgs{Import: id}, nil); err != nil {
		return fmt.Errorf("insert the job of import %d: %w", id, err)
	}
	return nil
}
