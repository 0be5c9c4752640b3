package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	sqlSaveSeries = `
insert into series (campaign_id, rule, starts_at, time_zone) values ($1, $2, $3, $4)
    on conflict (campaign_id) do update
   set rule = excluded.rule, starts_at = excluded.starts_at, time_zone = excluded.time_zone, ended_at = null`

	sqlEndSeries = `update series set ended_at = $2 where campaign_id = $1 and ended_at is null`

	// Index: campaigns_series.
	sqlSeriesRuns = sqlCampaignColumns + ` where c.series_of = $1 order by c.series_number desc limit $2`

	sqlLockScheduled = `select state::text, scheduled_at from campaigns where id = $1 for update`

	sqlNewRun = `
insert into campaigns (name, state, weight, content, settings, time_zone, scheduled_at, launched_at, created_at, updated_at,
                       series_of, series_number)
select $2, 'sending', t.weight, t.content, $3, t.time_zone, $4, $5, $5, $5, t.id,
       1 + coalesce((select max(r.series_number) from campaigns r where r.series_of = t.id), 0)
  from campaigns t where t.id = $1
returning id, series_number`

	sqlRunLists = `
insert into campaign_lists (campaign_id, list_id, exclude) select $2, list_id, exclude from campaign_lists where campaign_id = $1`

	sqlRunSegments = `
insert into campaign_segments (campaign_id, segment_id, exclude) select $2, segment_id, exclude from campaign_segments where campaign_id = $1`
)

// Series is how a campaign repeats, as campaign/recurrence reads it.
type Series struct {
	Rule   string
	Starts time.Time
	Zone   string
}

// RunOf says of which series a campaign is a run.
type RunOf struct {
	Campaign int64 // 0: of none
	Name     string
	Number   int // 1 for the first
}

// SaveSeriesTx lets a campaign repeat, or repeat in another way.
func (s *Store) SaveSeriesTx(ctx context.Context, tx pgx.Tx, id int64, series Series) error {
	if _, err := tx.Exec(ctx, sqlSaveSeries, id, series.Rule, series.Starts, series.Zone); err != nil {
		return fmt.Errorf("series of campaign %d: %w", id, err)
	}
	return nil
}

// EndSeriesTx ends the series of a campaign, if it has one.
func (s *Store) EndSeriesTx(ctx context.Context, tx pgx.Tx, id int64, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlEndSeries, id, now); err != nil {
		return fmt.Errorf("series of campaign %d: %w", id, err)
	}
	return nil
}

// Runs returns the newest runs of a series first.
func (s *Store) Runs(ctx context.Context, id int64, limit int) ([]Campaign, error) {
	return s.campaigns(ctx, sqlSeriesRuns, id, limit)
}

// RunPlan is what is due in a series at its time.
type RunPlan struct {
	At       time.Time         // the planned time of the series, as its caller found it
	Name     string            // of the run; empty when there is none to send
	Meant    time.Time         // when the run should have begun
	Settings campaign.Settings // of the run
	Next     time.Time         // the next time; zero when the series is over
	Events   []CampaignEvent   // for the series' feed, besides the run
	Now      time.Time
}

// StartRun makes a run of a series out of its campaign, launched, and moves the
// series to its next time, or ends it. launch inserts the jobs of both in the
// same transaction. run is 0 when there is none to send, and when the series'
// time is not the planned one any more: then nothing is changed at all.
func (s *Store) StartRun(ctx context.Context, id int64, p RunPlan, launch func(tx pgx.Tx, run int64) error) (run int64, err error) {
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return 0, err
	}
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		var (
			state campaign.State
			at    *time.Time
		)
		err := tx.QueryRow(ctx, sqlLockScheduled, id).Scan(&state, &at)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil || state != campaign.Scheduled || !nullAsZero(at).Equal(p.At) {
			return err
		}
		events := p.Events
		if p.Name != "" {
			number := 0
			if err := tx.QueryRow(ctx, sqlNewRun, id, p.Name, settings, p.Meant, p.Now).Scan(&run, &number); err != nil {
				return err
			}
			for _, statement := range []string{sqlRunLists, sqlRunSegments} {
				if _, err := tx.Exec(ctx, statement, id, run); err != nil {
					return err
				}
			}
			events = append(events, CampaignEvent{At: p.Now, Kind: "run", Words: fmt.Sprintf("Run %d is on its way: %s.", number, p.Name)})
		}
		next := campaign.Scheduled
		if p.Next.IsZero() {
			next = campaign.Draft
			if err := s.EndSeriesTx(ctx, tx, id, p.Now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlSetCampaignState, id, string(next), p.Now, zeroAsNull(p.Next), nil); err != nil {
			return err
		}
		for _, e := range events {
			if _, err := tx.Exec(ctx, sqlInsertEvent, id, e.At, e.Kind, e.Words); err != nil {
				return err
			}
		}
		if err := launch(tx, run); err != nil {
			return err
		}
		for _, changed := range []int64{id, run} {
			if _, err := tx.Exec(ctx, sqlNotify, "campaign "+strconv.FormatInt(changed, 10)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("run of campaign %d: %w", id, err)
	}
	return run, nil
}
