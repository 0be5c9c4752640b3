package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	sqlLockRoutes = `select value from instance where name = 'routes' for update`

	sqlSetRoutes = `
insert into instance (name, value) values ('routes', $1)
on conflict (name) do update set value = excluded.value`

	sqlExpireDomains = `update domains set expires_at = $1 where expires_at > $1`

	sqlUnassignProvider = `
with waiting as materialized (
    select q.ctid as place, q.ledger_id, q.delivery_id, q.campaign_id, q.provider_id
      from mail_queue q
      join campaigns camp on camp.id = q.campaign_id
     where camp.state in ('sending', 'paused') and q.provider_id <> 0
     order by q.ledger_id, q.delivery_id
       for update of q
), moved as (
    update mail_queue set provider_id = 0 where ctid = any(array(select place from waiting))
)
update deliveries d
   set provider_id = null
  from waiting
 where d.ledger_id = waiting.ledger_id and d.id = waiting.delivery_id
returning waiting.campaign_id, d.state::text, waiting.provider_id`
)

// SetRoutes stores by which rules mail is routed. When they differ from those in
// force, the provider of every domain is looked up again, and waiting mail is
// handed to whoever takes it now. It reports whether they differed.
func (s *Store) SetRoutes(ctx context.Context, rules string, now time.Time) (changed bool, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		var inForce []byte
		err := tx.QueryRow(ctx, sqlLockRoutes).Scan(&inForce)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if changed = string(inForce) != rules; !changed {
			return nil
		}
		if _, err := tx.Exec(ctx, sqlSetRoutes, []byte(rules)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlExpireDomains, now); err != nil {
			return err
		}
		return unassignProviders(ctx, tx)
	})
	if err != nil {
		return false, fmt.Errorf("routes: %w", err)
	}
	return changed, nil
}

// unassignProviders makes waiting mail ask for its provider anew.
func unassignProviders(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, sqlUnassignProvider)
	if err != nil {
		return err
	}
	sums := newChanges()
	var (
		campaignID, provider int64
		state                campaign.DeliveryState
	)
	_, err = pgx.ForEachRow(rows, []any{&campaignID, &state, &provider}, func() error {
		left, moved := campaign.Counters{Targeted: -1}, campaign.Counters{Targeted: 1}
		left.Count(state, -1)
		moved.Count(state, 1)
		from, to := counterKey{campaignID, provider}, counterKey{campaignID, 0}
		sums.providers[from] = sums.providers[from].Add(left)
		sums.providers[to] = sums.providers[to].Add(moved)
		return nil
	})
	if err != nil {
		return err
	}
	return sums.apply(ctx, tx, true)
}
