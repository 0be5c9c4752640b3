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
with waiting as (
    select d.ledger_id, d.id, d.campaign_id, d.provider_id, d.state
      from deliveries d
      join campaigns camp on d.ledger_id = camp.ledger_id and d.campaign_id = camp.id
     where camp.state in ('sending', 'paused') and d.provider_id is not null and d.lease_node is null
       and d.state in ('queued', 'deferred')
     order by d.ledger_id, d.id
       for update of d)
update deliveries d
   set provider_id = null
  from waiting
 where d.ledger_id = waiting.ledger_id and d.id = waiting.id
returning waiting.campaign_id, waiting.state::text, waiting.provider_id`
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
