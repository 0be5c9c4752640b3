package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/recurrence"
	"github.com/headwaymail/headway/internal/postgres"
)

// RunsShown is how many of the runs to come are listed, and of those that were.
const RunsShown = 5

// ErrNoSeries says that a campaign does not repeat.
var ErrNoSeries = errors.New("does not repeat")

// ErrRule says that a campaign cannot repeat as somebody wants it to.
var ErrRule = errors.New("no rule for a series")

// badRule is an [ErrRule] that says why.
type badRule struct{ why error }

func (b *badRule) Error() string   { return b.why.Error() }
func (b *badRule) Unwrap() []error { return []error{ErrRule, b.why} }

// Rule reads how a campaign should repeat. The error is an [ErrRule] in words.
func (s *Service) Rule(text string, start time.Time, zone string) (*recurrence.Rule, error) {
	rule, err := recurrence.Parse(text, start, zone)
	if err != nil {
		return nil, &badRule{err}
	}
	return rule, nil
}

// Repeat schedules a campaign for every time of a rule from start on: each run is
// a campaign of its own, copied from this one at its time. A series that the
// campaign had goes on under the new rule, with its numbers.
func (s *Service) Repeat(ctx context.Context, id int64, text string, start time.Time, zone string) (*recurrence.Rule, error) {
	if !start.After(now()) {
		return nil, fmt.Errorf("%s has passed; choose a later time for the first run", start.Format(time.RFC3339))
	}
	return s.repeat(ctx, id, postgres.Series{Rule: text, Starts: start.UTC().Truncate(time.Second), Zone: zone})
}

func (s *Service) repeat(ctx context.Context, id int64, series postgres.Series) (*recurrence.Rule, error) {
	rule, err := s.Rule(series.Rule, series.Starts, series.Zone)
	if err != nil {
		return nil, err
	}
	series.Rule = rule.String()
	next := rule.After(now(), 1)
	if len(next) == 0 {
		return nil, &badRule{errors.New("the rule names no more days: its last one has passed")}
	}
	if err := s.readyFor(ctx, id); err != nil {
		return nil, err
	}
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	c.Settings = rule.Terms(c.Settings, next[0])
	if err := s.mayGoOut(ctx, c, next[0]); err != nil {
		return nil, err
	}
	change := postgres.Change{Verb: campaign.Schedule, At: now(), Start: next[0].UTC(), TimeZone: series.Zone}
	_, err = s.Store.ChangeCampaign(ctx, id, change, func(tx pgx.Tx) error {
		if err := s.oneOff(ctx, tx, id, campaign.ReaderTime{}); err != nil {
			return err
		}
		if err := s.Store.SaveSeriesTx(ctx, tx, id, series); err != nil {
			return err
		}
		return s.Queue.LaunchTx(ctx, tx, id, next[0].UTC())
	})
	return rule, err
}

// ResumeSeries goes on with a series that was paused by unscheduling its
// campaign. What would have gone out meanwhile is left out.
func (s *Service) ResumeSeries(ctx context.Context, id int64, by Actor) (*recurrence.Rule, error) {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Series == nil {
		return nil, fmt.Errorf("campaign %d %w", id, ErrNoSeries)
	}
	if c.State != campaign.Draft {
		return nil, fmt.Errorf("campaign %d: %w", id, postgres.ErrNoDraft)
	}
	rule, err := s.repeat(ctx, id, *c.Series)
	if err != nil {
		return nil, err
	}
	event := postgres.CampaignEvent{At: now(), Kind: "series", Words: "The series goes on."}
	if err := s.Store.AddEvent(ctx, id, event, false); err != nil {
		return nil, err
	}
	return rule, s.auditCampaign(ctx, by, "series-resume", id)
}

// EndSeries ends a series for good: its campaign is a draft again. Runs that are
// under way go on.
func (s *Service) EndSeries(ctx context.Context, id int64, by Actor) error {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if c.Series == nil {
		return fmt.Errorf("campaign %d %w", id, ErrNoSeries)
	}
	at := now()
	end := func(tx pgx.Tx) error { return s.Store.EndSeriesTx(ctx, tx, id, at) }
	if c.State == campaign.Scheduled {
		_, err = s.Store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Unschedule, At: at}, end)
	} else {
		err = s.Store.InTx(ctx, end)
	}
	if err != nil {
		return err
	}
	event := postgres.CampaignEvent{At: at, Kind: "series", Words: "The series was ended by hand: there are no more runs. Its rule was " + c.Series.Rule + "."}
	if err := s.Store.AddEvent(ctx, id, event, false); err != nil {
		return err
	}
	return s.auditCampaign(ctx, by, "series-end", id)
}

// Runs returns how a plan repeats, without scheduling anything: the rule in words
// and its first runs. The error is a [*PlanError].
func (s *Service) Runs(p Plan) (words string, runs []time.Time, err error) {
	start, err := p.terms(&postgres.Campaign{Settings: campaign.DefaultSettings()}, now())
	if err != nil || p.Repeat == "" {
		return "", nil, err
	}
	rule, err := recurrence.Parse(p.Repeat, start, p.Zone)
	if err != nil {
		return "", nil, &PlanError{"repeat", err}
	}
	return rule.Words(), rule.After(now(), RunsShown), nil
}

// SeriesView is a series as people see it.
type SeriesView struct {
	Words string // "every week on Tuesday at 09:00 Europe/Warsaw"; empty when it has ended
	Rule  string
	Zone  string
	Next  []time.Time         // the next runs; when it is paused, those that would be
	Runs  []postgres.Campaign // the newest first
}

// Series returns how a campaign repeats and what came of it; nil when it never
// did.
func (s *Service) Series(ctx context.Context, c postgres.Campaign) (*SeriesView, error) {
	runs, err := s.Store.Runs(ctx, c.ID, RunsShown)
	if err != nil || c.Series == nil && len(runs) == 0 {
		return nil, err
	}
	view := &SeriesView{Runs: runs}
	if c.Series == nil {
		return view, nil
	}
	rule, err := recurrence.Parse(c.Series.Rule, c.Series.Starts, c.Series.Zone)
	if err != nil {
		return nil, fmt.Errorf("series of campaign %d: %w", c.ID, err)
	}
	view.Words, view.Rule, view.Zone, view.Next = rule.Words(), rule.String(), rule.Zone(), rule.After(now(), RunsShown)
	return view, nil
}
