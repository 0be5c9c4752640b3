package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// reverifyEvery is how often it is asked what is due for verification. A domain
// that was missing is due after one hour at the earliest.
const reverifyEvery = 10 * time.Minute

// reverifyArgs have no fields: one job finds all that is due.
type reverifyArgs struct{}

func (reverifyArgs) Kind() string { return "reverify" }

func (reverifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 5,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type reverifyWorker struct {
	river.WorkerDefaults[reverifyArgs]
	bulk *Bulk
}

func (w *reverifyWorker) NextRetry(job *river.Job[reverifyArgs]) time.Time { return soon(job.Attempt) }

// Work begins the verifications that are due.
func (w *reverifyWorker) Work(ctx context.Context, _ *river.Job[reverifyArgs]) error {
	due, err := w.bulk.Store.DueVerifications(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, scope := range due {
		if err := w.bulk.verify(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}

// reverify asks regularly; of several nodes, the one that leads River does.
func reverify() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(reverifyEvery),
		func() (river.JobArgs, *river.InsertOpts) { return reverifyArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}
