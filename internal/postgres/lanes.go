package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// Index: river_job_prioritized_fetching_index, by state and queue.
	sqlOpenLanes = `
select id, (args->>'source')::bigint, (args->>'provider')::bigint, (args->>'slot')::int, attempted_at,
       state = 'running'
  from river.river_job
 where queue = $1 and kind = 'lane' and state in ('available', 'pending', 'running', 'retryable', 'scheduled')`

	// The caller knows that none of these runs.
	sqlEndLanes = `
update river.river_job set state = 'completed', finalized_at = $2
 where id = any($1::bigint[]) and state = 'running'`

	// The queue goes by the database's clock alone. What is ready, or waits for
	// another try of a few seconds, never lies a minute ahead unless that clock was
	// set back; what is planned for later is 'scheduled'. Index:
	// river_job_prioritized_fetching_index, by state.
	sqlRecallJobs = `
update river.river_job set scheduled_at = now()
 where state in ('available', 'retryable') and scheduled_at > now() + interval '1 minute'`
)

// OpenLane is a lane job that is not over, as the queue believes.
type OpenLane struct {
	Job      int64
	Source   int64
	Provider int64
	Slot     int
	Begun    *time.Time // when it was fetched last; nil: never
	Running  bool
}

// OpenLanes returns the lane jobs of a node that are not over.
func (s *Store) OpenLanes(ctx context.Context, node int64) ([]OpenLane, error) {
	rows, err := s.pool.Query(ctx, sqlOpenLanes, LaneQueue(node))
	if err != nil {
		return nil, fmt.Errorf("open lanes of node %d: %w", node, err)
	}
	lanes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenLane])
	if err != nil {
		return nil, fmt.Errorf("open lanes of node %d: %w", node, err)
	}
	return lanes, nil
}

// EndLanes completes jobs whose lanes are over though the queue has not noticed.
func (s *Store) EndLanes(ctx context.Context, jobs []int64, now time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlEndLanes, jobs, now); err != nil {
		return fmt.Errorf("end %d lost lanes: %w", len(jobs), err)
	}
	return nil
}

// RecallJobs lets jobs run now that a clock which was set back has put off. It
// returns how many there were.
func (s *Store) RecallJobs(ctx context.Context) (int, error) {
	tag, err := s.pool.Exec(ctx, sqlRecallJobs)
	if err != nil {
		return 0, fmt.Errorf("recall jobs that a clock has put off: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
