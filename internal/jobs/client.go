package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	bulkQueue = "bulk"

	// bulkWorkers bounds imports and launches on one node: more at once only
	// take the disk from each other.
	bulkWorkers = 4
	// laneWorkers bounds lanes, most of which wait for a permit or a server.
	laneWorkers = 1000
	// laneCooldown is the least time between two fetches of lanes. River's
	// default of 100 ms lets 10 workers run only 99 short jobs a second.
	laneCooldown = 20 * time.Millisecond
	// laneTimeout ends a lane that hangs, far above the slice of 45 s.
	laneTimeout = 2 * time.Minute
	// rescueAfter is only a net: dead nodes are noticed by their beats.
	rescueAfter = 5 * time.Minute
)

// Queue inserts jobs, and works them when it was started with roles.
type Queue struct {
	client *river.Client[pgx.Tx]
	store  *postgres.Store
}

// Work says what a queue works. Nil fields are not worked.
type Work struct {
	Node  int64  // id of this node
	Lanes Runner // sends mail
	Bulk  *Bulk  // imports, launches, resolves
}

// NewQueue returns a queue that only inserts jobs.
func NewQueue(store *postgres.Store, log *slog.Logger) (*Queue, error) {
	client, err := river.NewClient(riverpgxv5.New(store.Jobs()), &river.Config{Schema: postgres.RiverSchema, Logger: quiet(log)})
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return &Queue{client: client, store: store}, nil
}

// Start returns a queue that works jobs until it is stopped.
func Start(ctx context.Context, store *postgres.Store, work Work, log *slog.Logger) (*Queue, error) {
	workers := river.NewWorkers()
	queues := make(map[string]river.QueueConfig)
	if work.Lanes != nil {
		river.AddWorker(workers, &laneWorker{lanes: work.Lanes})
		queues[postgres.LaneQueue(work.Node)] = river.QueueConfig{MaxWorkers: laneWorkers, FetchCooldown: laneCooldown, FetchPollInterval: 100 * time.Millisecond}
	}
	if work.Bulk != nil {
		work.Bulk.addTo(workers)
		queues[bulkQueue] = river.QueueConfig{MaxWorkers: bulkWorkers, FetchCooldown: 50 * time.Millisecond, FetchPollInterval: 500 * time.Millisecond}
	}
	client, err := river.NewClient(riverpgxv5.New(store.Jobs()), &river.Config{
		ID:                          strconv.FormatInt(work.Node, 10),
		Schema:                      postgres.RiverSchema,
		Logger:                      quiet(log),
		Queues:                      queues,
		Workers:                     workers,
		JobTimeout:                  -1,
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: 5 * time.Minute,
		ReindexerIndexNames:         []string{}, // the GIN indexes are dropped by our migration
		ErrorHandler:                &errorHandler{log: log},
		PeriodicJobs:                periodic(work),
	})
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return nil, fmt.Errorf("start the job queue: %w", err)
	}
	return &Queue{client: client, store: store}, nil
}

// Stop waits until running jobs have ended; when ctx ends first, they are
// cancelled and go back to be worked by others.
func (q *Queue) Stop(ctx context.Context) error {
	if err := q.client.Stop(ctx); err == nil {
		return nil
	}
	cancelled, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := q.client.StopAndCancel(cancelled); err != nil {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// pending are the states in which a job stands in for another with the same
// arguments. A completed one never does: new mail needs a new lane.
var pending = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
	rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled}

// soon is the retry of all our jobs: River's own waits grow to hours.
func soon(attempt int) time.Time {
	return time.Now().Add(min(time.Duration(max(attempt, 1))*time.Second, 5*time.Second))
}

// errorHandler tells the operator. A failed job is tried again by its NextRetry.
type errorHandler struct{ log *slog.Logger }

func (h *errorHandler) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	h.log.Warn("a job did not succeed and will be tried again", "job", job.Kind, "attempt", job.Attempt, "error", err)
	return nil
}

func (h *errorHandler) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	h.log.Error("a job panicked and will be tried again", "job", job.Kind, "panic", value, "trace", trace)
	return nil
}

// quiet keeps River's own running commentary to warnings.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(&levelHandler{Handler: log.Handler(), least: slog.LevelWarn})
}

type levelHandler struct {
	slog.Handler
	least slog.Level
}

func (h *levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.least && h.Handler.Enabled(ctx, level)
}

func (h *levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &levelHandler{Handler: h.Handler.WithAttrs(attrs), least: h.least}
}

func (h *levelHandler) WithGroup(name string) slog.Handler {
	return &levelHandler{Handler: h.Handler.WithGroup(name), least: h.least}
}
