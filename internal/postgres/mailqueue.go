package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The queue holds what waits to be sent and what nobody has in hand: a delivery is
// queued or deferred in the ledger, and either in the queue, or in a claim. Who
// takes mail out of the queue locks its row there first, and then the ledger's.
const (
	// The columns of the queue, of a delivery d.
	sqlQueueColumns = `d.campaign_id, coalesce(d.provider_id, 0), d.state = 'deferred', d.due_at, d.id, d.ledger_id, d.domain_id,
       d.first_attempt_at`

	// Of a delivery d, the row q of the queue. Index: mail_queue_due.
	sqlQueued = `q.campaign_id = d.campaign_id and q.provider_id = coalesce(d.provider_id, 0) and q.deferred = (d.state = 'deferred')
   and q.due_at = d.due_at and q.delivery_id = d.id`

	sqlEnqueue = `
insert into mail_queue
select ` + sqlQueueColumns + `
  from unnest($1::int[], $2::bigint[]) k(ledger_id, id)
  join deliveries d on d.ledger_id = k.ledger_id and d.id = k.id and d.state in ('queued', 'deferred')
on conflict do nothing`

	sqlDequeue = `
delete from mail_queue q using deliveries d where d.ledger_id = $1 and d.id = $2 and ` + sqlQueued

	// What claims hold without an outcome goes back into the queue: its state and
	// attempts are what they were. Index: claims_pkey.
	sqlRelease = `
with ended as (
    delete from claims where epoch = any($1) returning ledger_id, deliveries, attempts
), open as materialized (
    select ended.ledger_id, k.id, k.attempts from ended cross join lateral unnest(ended.deliveries, ended.attempts) k(id, attempts)
)
insert into mail_queue
select ` + sqlQueueColumns + `
  from open
 cross join lateral (select * from deliveries where ledger_id = open.ledger_id and id = open.id offset 0) d
 where d.attempts = open.attempts and d.state in ('queued', 'deferred')
on conflict do nothing`

	// Index: claims_pkey.
	sqlEndClaims = `delete from claims where epoch = any($1)`

	// Index: claims_node.
	sqlOtherClaims = `select distinct epoch from claims where node_id = $1 and epoch <> all($2::bigint[])`
)

// Release ends claims: what has no outcome yet waits again.
func (s *Store) Release(ctx context.Context, epochs ...int64) error {
	if _, err := s.hot.Exec(ctx, sqlRelease, epochs); err != nil {
		return fmt.Errorf("give back %d claims: %w", len(epochs), err)
	}
	return nil
}

// EndClaims ends claims of which every delivery has its outcome.
func (s *Store) EndClaims(ctx context.Context, epochs ...int64) error {
	if _, err := s.hot.Exec(ctx, sqlEndClaims, epochs); err != nil {
		return fmt.Errorf("end %d claims: %w", len(epochs), err)
	}
	return nil
}

// ReleaseOthers ends the claims of a node but for those of the epochs in held.
func (s *Store) ReleaseOthers(ctx context.Context, node int64, held []int64) error {
	if held == nil {
		held = []int64{}
	}
	rows, err := s.hot.Query(ctx, sqlOtherClaims, node, held)
	if err != nil {
		return fmt.Errorf("lost claims of node %d: %w", node, err)
	}
	epochs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("lost claims of node %d: %w", node, err)
	}
	if len(epochs) == 0 {
		return nil
	}
	return s.Release(ctx, epochs...)
}
