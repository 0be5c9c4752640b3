package service

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// ReaderZones returns who gets a campaign when, at a time of the readers' own:
// the first first.
func (s *Service) ReaderZones(ctx context.Context, id int64, r campaign.ReaderTime) ([]postgres.ReaderZone, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return s.Store.ReaderZones(ctx, id, r)
}

// easternmost is how far ahead of UTC the first zone of a day is: UTC+14, the
// Line Islands.
const easternmost = 14 * time.Hour

// ScheduleByZone lets each reader have a campaign at the same time of their own
// day. It is launched when the first of them gets it, which it returns; that may
// be now. Readers whose time has passed by then get it at once.
func (s *Service) ScheduleByZone(ctx context.Context, id int64, r campaign.ReaderTime) (first time.Time, err error) {
	zones, err := s.ReaderZones(ctx, id, r)
	if err != nil {
		return first, err
	}
	if first = r.Default(); len(zones) > 0 {
		first = zones[0].Due
	}
	segments, err := s.Store.CampaignSegments(ctx, id, false)
	if err != nil {
		return first, err
	}
	if east := r.Wall().Add(-easternmost); len(segments) > 0 && east.Before(first) {
		first = east // whom a segment brings is not known yet, nor where they are
	}
	if !r.Default().After(now()) {
		return first, fmt.Errorf("%s has passed in %s; choose a later time, or launch the campaign now", r.At, r.Zone)
	}
	if !first.After(now().Add(time.Second)) {
		return now(), s.launch(ctx, id, r)
	}
	return first, s.schedule(ctx, id, first, r.Zone, r)
}

// oneOff is what changes with a start that is no series: how readers get it.
func (s *Service) oneOff(ctx context.Context, tx pgx.Tx, id int64, r campaign.ReaderTime) error {
	if err := s.Store.EndSeriesTx(ctx, tx, id, now()); err != nil {
		return err
	}
	return s.Store.SetReaderTimeTx(ctx, tx, id, r)
}
