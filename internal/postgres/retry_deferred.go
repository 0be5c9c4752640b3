package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// What of a campaign was put off at each provider and is not due yet; $2 is a
	// provider, or 0 for all. Index: mail_queue_due.
	sqlPutOff = `
select q.provider_id, p.name, count(*)
  from mail_queue q join providers p on p.id = q.provider_id
 where q.campaign_id = $1 and q.deferred and q.due_at > $3 and ($2::bigint = 0 or q.provider_id = $2)
 group by 1, 2 order by 3 desc, 2`

	// Rows of the queue are taken out and put in anew, never changed: a claim that
	// began before and waits for one of them finds that it is gone. Who takes mail out
	// of the queue locks its row there first, and then the ledger's. Index:
	// mail_queue_due.
	sqlRetryDeferred = `
with put_off as materialized (
    select q.ctid as place from mail_queue q
     where q.campaign_id = $1 and q.deferred and q.due_at > $3 and ($2::bigint = 0 or q.provider_id = $2)
     order by q.provider_id, q.due_at, q.delivery_id limit $4
       for update of q skip locked
), gone as (
    delete from mail_queue where ctid = any(array(select place from put_off)) returning ledger_id, delivery_id
), due as (
    update deliveries d set due_at = $3
      from gone where d.ledger_id = gone.ledger_id and d.id = gone.delivery_id and d.state = 'deferred'
    returning d.*
), waits as (
    insert into mail_queue select ` + sqlQueueColumns + ` from due d
)
select (select count(*) from gone), (select count(*) from due)`

	// retryDeferredBatch is how many rows one transaction makes due: it is over well
	// within the time that a lane would notice.
	retryDeferredBatch = 5000
)

// PutOff is how much was put off at a provider and is not due yet.
type PutOff struct {
	Provider int64  `json:"provider_id"`
	Name     string `json:"provider"`
	Messages int64  `json:"messages"`
}

// PutOff returns what of a campaign was put off and is not due yet, at a provider
// or at all (0), the most first.
func (s *Store) PutOff(ctx context.Context, campaign, provider int64, now time.Time) ([]PutOff, error) {
	rows, err := s.pool.Query(ctx, sqlPutOff, campaign, provider, now)
	if err != nil {
		return nil, fmt.Errorf("what was put off of campaign %d: %w", campaign, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PutOff])
	return found, wrap(err, fmt.Sprintf("what was put off of campaign %d", campaign))
}

// RetryDeferred makes what of a campaign was put off due at a time, at a provider
// or at all (0), and returns how many messages that are. What lanes have in hand
// stays as it is; holds, paces and sending hours are asked by the claim.
func (s *Store) RetryDeferred(ctx context.Context, campaign, provider int64, now time.Time) (all int64, err error) {
	for {
		var taken, due int64
		err := s.pool.QueryRow(ctx, sqlRetryDeferred, campaign, provider, now, retryDeferredBatch).Scan(&taken, &due)
		if err != nil {
			return all, fmt.Errorf("campaign %d: make due what was put off: %w", campaign, err)
		}
		all += due
		if taken == 0 {
			return all, nil
		}
	}
}
