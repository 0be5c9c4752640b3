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

// laneLost is after what time a job that is said to run, while its node knows
// that it does not, is taken for one whose end was never recorded.
const laneLost = 10 * time.Second

// AskForLanes inserts the lanes that are not open yet. None of them runs on its
// node. Those that are open are left out before: an insert that meets an open
// job locks it, in the order of the insert, while River completes jobs in the
// order of their ids.
func (q *Queue) AskForLanes(ctx context.Context, lanes []delivery.Lane) error {
	wanted := make(map[laneArgs]bool, len(lanes))
	for _, lane := range lanes {
		wanted[laneArgs(lane)] = true
	}
	if err := q.leaveOutOpen(ctx, lanes[0].Node, wanted, time.Now()); err != nil {
		return err
	}
	params := make([]river.InsertManyParams, 0, len(wanted))
	for args := range wanted {
		params = append(params, river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{Queue: postgres.LaneQueue(args.Node)}})
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := q.client.InsertMany(ctx, params); err != nil {
		return fmt.Errorf("ask for %d lanes: %w", len(params), err)
	}
	return nil
}

// leaveOutOpen removes from wanted the lanes whose jobs are open, and ends those
// that only seem to be.
func (q *Queue) leaveOutOpen(ctx context.Context, node int64, wanted map[laneArgs]bool, now time.Time) error {
	open, err := q.store.OpenLanes(ctx, node)
	if err != nil {
		return err
	}
	var lost []int64
	for _, lane := range open {
		args := laneArgs{Node: node, Source: lane.Source, Provider: lane.Provider, Slot: lane.Slot}
		switch {
		case !wanted[args]:
		case lane.Running && lane.Begun != nil && now.Sub(*lane.Begun) > laneLost:
			lost = append(lost, lane.Job)
		default:
			delete(wanted, args)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return q.store.EndLanes(ctx, lost, now)
}
