package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// What every campaign under way has at each provider where mail of it
	// waits. Index: campaigns_live.
	sqlLoads = `
select p.provider_id, c.id, c.weight, c.launched_at, c.state = 'paused', p.queued, p.deferred, p.delivered,
       p.accepted_first, p.bounced, p.expired
  from campaigns c join campaign_providers p on p.campaign_id = c.id
 where c.state in ('sending', 'paused') and p.queued + p.deferred > 0`

	// The same of one provider. Indexes: campaigns_live, campaign_providers_pkey.
	sqlLoadsOf = sqlLoads + ` and p.provider_id = $1`

	// When deferred mail falls due. At each provider only the next few hundred
	// are looked at, and the last one: what lies between is spread evenly by
	// whoever asks. Index: mail_queue_due.
	sqlDueLater = `
select p.provider_id, next.due, next.n, last.due_at
  from campaign_providers p
 cross join lateral (
       select to_timestamp(ceil(extract(epoch from d.due_at) / 10) * 10) as due, count(*) as n
         from (select due_at from mail_queue
                where campaign_id = $1 and provider_id = p.provider_id and deferred
                order by due_at, delivery_id limit $2) d
        group by 1) next
 cross join lateral (
       select due_at from mail_queue
        where campaign_id = $1 and provider_id = p.provider_id and deferred
        order by due_at desc, delivery_id desc limit 1) last
 where p.campaign_id = $1 and p.deferred > 0
 order by p.provider_id, next.due`

	sqlRaiseWeight = `
update campaigns set weight = $2, updated_at = $3 where id = $1 and weight < $2 and state in ('sending', 'paused')`
)

// Load is what a campaign under way has waiting at a provider.
type Load struct {
	Provider int64
	Campaign int64
	Weight   int
	Launched time.Time
	Paused   bool
	Counters campaign.Counters // without what suppression and cancelling took
}

// Loads returns what all campaigns under way have waiting, by provider and
// campaign, where anything waits.
func (s *Store) Loads(ctx context.Context) ([]Load, error) { return s.loads(ctx, sqlLoads) }

// LoadsOf returns those of [Store.Loads] at one provider.
func (s *Store) LoadsOf(ctx context.Context, provider int64) ([]Load, error) {
	return s.loads(ctx, sqlLoadsOf, provider)
}

func (s *Store) loads(ctx context.Context, sql string, args ...any) ([]Load, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("loads: %w", err)
	}
	loads, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Load, err error) {
		n := &l.Counters
		err = row.Scan(&l.Provider, &l.Campaign, &l.Weight, &l.Launched, &l.Paused, &n.Queued, &n.Deferred, &n.Delivered,
			&n.AcceptedFirst, &n.Bounced, &n.Expired)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("loads: %w", err)
	}
	return loads, nil
}

// DueLater is when deferred mail of a campaign falls due at one provider.
type DueLater struct {
	Times  []time.Time // of the next ones, in order, to ten seconds
	Counts []int64     // how many at each
	Last   time.Time   // of the very last one
}

// dueLooked bounds how many deferred messages are looked at per provider.
const dueLooked = 400

// DueLater returns when a campaign's deferred mail falls due, by provider.
func (s *Store) DueLater(ctx context.Context, campaign int64) (map[int64]DueLater, error) {
	rows, err := s.pool.Query(ctx, sqlDueLater, campaign, dueLooked)
	if err != nil {
		return nil, fmt.Errorf("deferred mail of campaign %d: %w", campaign, err)
	}
	found := make(map[int64]DueLater)
	var (
		provider, n int64
		due, last   time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&provider, &due, &n, &last}, func() error {
		d := found[provider]
		d.Times, d.Counts, d.Last = append(d.Times, due), append(d.Counts, n), last
		found[provider] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deferred mail of campaign %d: %w", campaign, err)
	}
	return found, nil
}

// RaiseWeight gives a campaign under way a larger share and says so in its
// feed, unless it has as much already.
func (s *Store) RaiseWeight(ctx context.Context, id int64, weight int, e CampaignEvent) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlRaiseWeight, id, weight, e.At)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, sqlInsertEvent, id, e.At, e.Kind, e.Words)
		return err
	})
	if err != nil {
		return fmt.Errorf("weight of campaign %d: %w", id, err)
	}
	return nil
}
