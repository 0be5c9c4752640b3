package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// Index: deliveries_failed.
	sqlRetryable = `
select d.state::text, count(*) filter (where barred.reason is null), count(*) filter (where barred.reason is not null)
  from campaigns camp
  join deliveries d on d.ledger_id = $4 and d.campaign_id = $2
  join contacts c on c.id = d.contact_id
  join domains dom on dom.id = d.domain_id` + sqlBarred + `
 where camp.id = $2 and d.failed = any($3::text[]::delivery_state[])
 group by 1`

	// The lifetime begins again; attempts go on counting. Index: deliveries_failed.
	sqlRetry = `
with again as materialized (
    select d.ledger_id, d.id, d.state
      from campaigns camp
      join deliveries d on d.ledger_id = camp.ledger_id and d.campaign_id = camp.id
      join contacts c on c.id = d.contact_id
      join domains dom on dom.id = d.domain_id` + sqlBarred + `
     where camp.id = $2 and d.failed = any($3::text[]::delivery_state[]) and barred.reason is null
       for update of d
), changed as (
    update deliveries d set state = 'queued', due_at = $1, first_attempt_at = null, updated_at = $1
      from again where d.ledger_id = again.ledger_id and d.id = again.id
    returning d.*, again.state as was
), waits as (
    insert into mail_queue
    select ` + sqlQueueColumns + ` from changed d
)
select coalesce(provider_id, 0), domain_id, was::text from changed`
)

// RetryCount is how many deliveries of a final state may be queued again.
type RetryCount struct {
	State  campaign.DeliveryState `json:"state"`
	Again  int64                  `json:"again"`
	Barred int64                  `json:"barred"` // suppressed, unsubscribed or off the lists by now
}

// Retryable counts what [Store.Retry] would do.
func (s *Store) Retryable(ctx context.Context, id int64, states []campaign.DeliveryState, now time.Time) ([]RetryCount, error) {
	ledger, err := s.ledgerOf(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("campaign %d: count what can be sent again: %w", id, err)
	}
	rows, err := s.pool.Query(ctx, sqlRetryable, now, id, stateNames(states), ledger)
	if err != nil {
		return nil, fmt.Errorf("campaign %d: count what can be sent again: %w", id, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RetryCount])
	if err != nil {
		return nil, fmt.Errorf("campaign %d: count what can be sent again: %w", id, err)
	}
	counts := make([]RetryCount, len(states))
	for i, state := range states {
		counts[i].State = state
		for _, f := range found {
			if f.State == state {
				counts[i] = f
			}
		}
	}
	return counts, nil
}

// Retry takes a finished campaign back to sending and queues its deliveries in
// the given final states again, but for people who must not be mailed any more.
// It all happens in one transaction; also is called in it. It returns how many
// were queued of each state.
func (s *Store) Retry(ctx context.Context, id int64, states []campaign.DeliveryState, now time.Time,
	also func(pgx.Tx, map[campaign.DeliveryState]int64) error) error {

	_, err := s.ChangeCampaign(ctx, id, Change{Verb: campaign.RetryFailed, At: now}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlRetry, now, id, stateNames(states))
		if err != nil {
			return err
		}
		var (
			provider, domain int64
			from             campaign.DeliveryState
		)
		sums, counts := newChanges(), make(map[campaign.DeliveryState]int64)
		_, err = pgx.ForEachRow(rows, []any{&provider, &domain, &from}, func() error {
			sums.move(id, provider, domain, from, campaign.Queued, false)
			counts[from]++
			return nil
		})
		if err != nil {
			return err
		}
		if err := sums.apply(ctx, tx, false); err != nil {
			return err
		}
		return also(tx, counts)
	})
	return err
}

// AddEventTx is [Store.AddEvent] in a transaction.
func (s *Store) AddEventTx(ctx context.Context, tx pgx.Tx, id int64, e CampaignEvent) error {
	_, err := tx.Exec(ctx, sqlInsertEvent, id, e.At, e.Kind, e.Words)
	return err
}

func stateNames(states []campaign.DeliveryState) []string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return names
}
