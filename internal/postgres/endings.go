package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// A batch of a campaign's deliveries that wait in the queue ends: those of the
	// three kinds below. Who may have got the message stays in doubt.
	sqlEndFrom = `
with batch as materialized (
    select q.ctid as place, q.ledger_id, q.delivery_id, q.deferred
      from mail_queue q join campaigns c on c.id = q.campaign_id
     where c.id = $1`

	sqlEndTo = `
     limit $4
       for update of q skip locked
), gone as (
    delete from mail_queue where ctid = any(array(select place from batch))
)
update deliveries d set state = case when d.doubted then 'in_doubt' else $2 end::delivery_state, updated_at = $3
  from batch where d.ledger_id = batch.ledger_id and d.id = batch.delivery_id
returning d.campaign_id, coalesce(d.provider_id, 0), d.domain_id, case when batch.deferred then 'deferred' else 'queued' end, d.doubted`

	sqlCancelBatch = sqlEndFrom + ` and c.state = 'cancelled'` + sqlEndTo

	// Lifetime counts from the first attempt. Index: mail_queue_ageing.
	sqlExpireBatch = sqlEndFrom + `
       and c.state in ('sending', 'paused') and q.deferred and q.first_attempt_at < $5` + sqlEndTo

	// What was never tried ends at the campaign's own stop-by time.
	sqlStopBatch = sqlEndFrom + `
       and c.state in ('sending', 'paused') and not q.deferred` + sqlEndTo

	// Who finishes is counted to the last outcome. A file that is on trial is judged
	// first, by its last results too.
	sqlFinishable = `
select c.id from campaigns c
 where c.state = 'sending' and c.launch_done and not exists (
    select from campaign_providers p where p.campaign_id = c.id and p.queued + p.deferred > 0)
   and not exists (select from uncounted u where c.id = any(u.campaigns))
   and not exists (select from probation_sources s where s.campaign_id = c.id and s.state = 'trying')
 order by c.id`

	sqlUnsweptCancels = `
select c.id from campaigns c
 where c.state = 'cancelled' and c.ledger_id is not null and exists (
    select from campaign_providers p where p.campaign_id = c.id and p.queued + p.deferred > 0)
 order by c.id`
)

// CancelBatch ends up to limit waiting deliveries of a cancelled campaign and
// returns how many it was.
func (s *Store) CancelBatch(ctx context.Context, id int64, limit int, now time.Time) (int, error) {
	return s.endBatch(ctx, id, campaign.DeliveryCancelled, sqlCancelBatch, limit, now)
}

// ExpireBatch ends up to limit deferred deliveries of a campaign that were
// first attempted before the given time.
func (s *Store) ExpireBatch(ctx context.Context, id int64, firstBefore time.Time, limit int, now time.Time) (int, error) {
	return s.endBatch(ctx, id, campaign.Expired, sqlExpireBatch, limit, now, firstBefore)
}

// StopBatch ends up to limit deliveries of a campaign that were never tried.
func (s *Store) StopBatch(ctx context.Context, id int64, limit int, now time.Time) (int, error) {
	return s.endBatch(ctx, id, campaign.Expired, sqlStopBatch, limit, now)
}

// endBatch ends up to limit deliveries of a campaign; more are the statement's
// arguments besides.
func (s *Store) endBatch(ctx context.Context, id int64, to campaign.DeliveryState, sql string, limit int, now time.Time, more ...any) (int, error) {
	ended := 0
	err := s.InTx(ctx, func(tx pgx.Tx) (err error) {
		ended, err = endIn(ctx, tx, to, sql, append([]any{id, to, now, limit}, more...)...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("campaign %d: end deliveries as %s: %w", id, to, err)
	}
	return ended, nil
}

// endIn runs a statement that ends deliveries and returns campaign, provider, domain,
// the state before, and doubt of each. It lets the counters follow, and returns how
// many there were.
func endIn(ctx context.Context, tx pgx.Tx, to campaign.DeliveryState, sql string, args ...any) (ended int, err error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	sums := newChanges()
	var (
		of, provider, domain int64
		from                 campaign.DeliveryState
		doubted              bool
	)
	_, err = pgx.ForEachRow(rows, []any{&of, &provider, &domain, &from, &doubted}, func() error {
		ended++
		sums.move(of, provider, domain, from, to.After(doubted), false)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return ended, sums.apply(ctx, tx, false)
}

// FinishableCampaigns returns sending campaigns of which every delivery is final
// and every file on trial judged.
func (s *Store) FinishableCampaigns(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, sqlFinishable)
}

// UnsweptCancels returns cancelled campaigns that still have waiting deliveries.
func (s *Store) UnsweptCancels(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, sqlUnsweptCancels)
}

func (s *Store) ids(ctx context.Context, sql string) ([]int64, error) {
	rows, err := s.pool.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	return ids, nil
}
