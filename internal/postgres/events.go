package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	// What happened to all campaigns, newest first. Index: the primary key,
	// backwards.
	sqlAllEvents = `
select e.id, c.id, c.name, e.at, e.kind, e.words
  from campaign_events e join campaigns c on c.id = e.campaign_id and not c.system
 where e.id < $1 order by e.id desc limit $2`

	// What changed in the pace of all providers, newest first. Index: the primary
	// key, backwards.
	sqlAllPaceEvents = `
select e.id, e.at, e.source_id, e.provider_id, pr.name, e.kind, e.was, e.now, e.reason, e.reply, e.until
  from pace_events e join providers pr on pr.id = e.provider_id
 where e.id < $1 order by e.id desc limit $2`
)

// AnyEvent is something that happened to a campaign.
type AnyEvent struct {
	ID       int64
	Campaign int64
	Name     string // the campaign's
	CampaignEvent
}

// AllEvents returns what happened to campaigns, newest first, before the event
// with an id.
func (s *Store) AllEvents(ctx context.Context, before int64, limit int) ([]AnyEvent, error) {
	rows, err := s.pool.Query(ctx, sqlAllEvents, before, limit)
	if err != nil {
		return nil, wrap(err, "events")
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e AnyEvent, err error) {
		err = row.Scan(&e.ID, &e.Campaign, &e.Name, &e.At, &e.Kind, &e.Words)
		return e, err
	})
	return events, wrap(err, "events")
}

// AllPaceEvents returns what changed in the pace of providers, newest first,
// before the event with an id.
func (s *Store) AllPaceEvents(ctx context.Context, before int64, limit int) ([]PaceEvent, error) {
	rows, err := s.pool.Query(ctx, sqlAllPaceEvents, before, limit)
	if err != nil {
		return nil, wrap(err, "changes of pace")
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceEvent])
	return events, wrap(err, "changes of pace")
}
