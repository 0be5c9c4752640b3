package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Warning is an event of a campaign that somebody should look at.
type Warning struct {
	Campaign int64
	Name     string
	At       time.Time
	Words    string
}

const (
	// Index: the primary key, backwards.
	sqlCampaignsBefore = sqlCampaignColumns + ` where not c.system and c.id < $1 order by c.id desc limit $2`

	// Names and subjects, wherever the words stand in them.
	sqlCampaignsFound = sqlCampaignColumns + `
 where not c.system and c.id < $1 and (c.name ilike $3 or c.content ->> 'subject' ilike $3) order by c.id desc limit $2`

	sqlScheduledCampaigns = sqlCampaignColumns + `
 where c.state = 'scheduled' and not c.system order by c.scheduled_at, c.id limit $1`

	// The newest hundred campaigns are looked through, each by its own events.
	// Index: campaign_events_campaign.
	sqlWarnings = `
select c.id, c.name, e.at, e.words
  from (select id, name from campaigns where not system order by id desc limit 100) c
  join campaign_events e on e.campaign_id = c.id and e.kind in ('warning', 'stopped') and e.at >= $1
 order by e.at desc limit $2`

	// Mail that waits at one provider. Indexes: campaigns_live, campaign_providers_pkey.
	sqlWaitingOf = `
select coalesce(sum(p.queued + p.deferred), 0)::bigint
  from campaigns c join campaign_providers p on p.campaign_id = c.id and p.provider_id = $1
 where c.state in ('sending', 'paused')`

	// Mail that waits at each provider. Index: campaigns_live.
	sqlWaiting = `
select p.provider_id, sum(p.queued + p.deferred)::bigint
  from campaigns c join campaign_providers p on p.campaign_id = c.id
 where c.state in ('sending', 'paused') and p.queued + p.deferred > 0
 group by p.provider_id`
)

// CampaignsBefore returns campaigns older than the one with the given id, the
// newest first.
func (s *Store) CampaignsBefore(ctx context.Context, id int64, limit int) ([]Campaign, error) {
	return s.campaigns(ctx, sqlCampaignsBefore, id, limit)
}

// CampaignsFound returns those of [Store.CampaignsBefore] whose name or subject
// holds a text.
func (s *Store) CampaignsFound(ctx context.Context, text string, id int64, limit int) ([]Campaign, error) {
	pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
	return s.campaigns(ctx, sqlCampaignsFound, id, limit, pattern)
}

// ScheduledCampaigns returns the campaigns that start next, the soonest first.
func (s *Store) ScheduledCampaigns(ctx context.Context, limit int) ([]Campaign, error) {
	return s.campaigns(ctx, sqlScheduledCampaigns, limit)
}

// Warnings returns what went badly in recent campaigns since a time, newest
// first.
func (s *Store) Warnings(ctx context.Context, since time.Time, limit int) ([]Warning, error) {
	rows, err := s.pool.Query(ctx, sqlWarnings, since, limit)
	if err != nil {
		return nil, fmt.Errorf("warnings: %w", err)
	}
	warnings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Warning])
	if err != nil {
		return nil, fmt.Errorf("warnings: %w", err)
	}
	return warnings, nil
}

// Waiting returns how much mail waits at each provider, of all campaigns that
// are sending or paused. Provider 0 stands for domains whose provider is not
// known yet.
func (s *Store) Waiting(ctx context.Context) (map[int64]int64, error) {
	rows, err := s.pool.Query(ctx, sqlWaiting)
	if err != nil {
		return nil, fmt.Errorf("waiting mail: %w", err)
	}
	waiting := make(map[int64]int64)
	var provider, n int64
	_, err = pgx.ForEachRow(rows, []any{&provider, &n}, func() error {
		waiting[provider] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting mail: %w", err)
	}
	return waiting, nil
}

// WaitingOf returns how much mail waits at one provider.
func (s *Store) WaitingOf(ctx context.Context, provider int64) (n int64, err error) {
	err = s.pool.QueryRow(ctx, sqlWaitingOf, provider).Scan(&n)
	return n, wrap(err, "waiting mail")
}
