package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres"
)

// laneArgs name a lane. Two jobs with the same arguments are never open at once.
type laneArgs struct {
	Node     int64 `json:"node"`
	Source   int64 `json:"source"`
	Provider int64 `json:"provider"`
	Slot     int   `json:"slot"`
}

func (laneArgs) Kind() string { return "lane" }

func (laneArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1000,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

// Runner sends the due mail of a lane; *delivery.Engine is one.
type Runner interface {
	RunLane(ctx context.Context, lane delivery.Lane) error
}

type laneWorker struct {
	river.WorkerDefaults[laneArgs]
	lanes Runner
}

func (w *laneWorker) Work(ctx context.Context, job *river.Job[laneArgs]) error {
	return w.lanes.RunLane(ctx, delivery.Lane(job.Args))
}

func (w *laneWorker) Timeout(*river.Job[laneArgs]) time.Duration { return laneTimeout }

func (w *laneWorker) NextRetry(job *river.Job[laneArgs]) time.Time { return soon(job.Attempt) }

// Each node works a queue of lanes of its own: how many it runs is for the pacing
// broker to say, which knows what the others run, and not for whoever fetches
// first.

// AskForLanes inserts the lanes that are not open yet, in a short transaction
// of its own: a lane that exists costs a row lock, which must not be held long.
func (q *Queue) AskForLanes(ctx context.Context, lanes []delivery.Lane) error {
	params := make([]river.InsertManyParams, len(lanes))
	for i, lane := range lanes {
		params[i] = river.InsertManyParams{Args: laneArgs(lane), InsertOpts: &river.InsertOpts{Queue: postgres.LaneQueue(lane.Node)}}
	}
	if _, err := q.client.InsertMany(ctx, params); err != nil {
		return fmt.Errorf("ask for %d lanes: %w", len(lanes), err)
	}
	return nil
}
