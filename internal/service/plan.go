package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/recurrence"
	"github.com/headwaymail/headway/campaign/review"
	"github.com/headwaymail/headway/internal/postgres"
)

// Plan is when and under which terms a campaign goes out.
type Plan struct {
	Now      bool
	At       string          // as [campaign.ParseStart] reads it; when Now is false
	Zone     string          // IANA name
	Repeat   string          // a rule as campaign/recurrence reads it; empty for once
	Window   campaign.Window // when its mail goes out, in Zone; the zero value for always
	Readers  string          // contact field with each reader's zone, where At is meant; empty for one moment for all
	FinishBy string          // empty for none
	// Tracking is what is counted of what readers do; nil leaves it as it is.
	Tracking *campaign.Tracking
	Lifetime time.Duration
	Count    string // the number of readers, typed again; needed above ManyReaders
}

// ManyReaders is the number of readers above which a person types it, so that
// the wrong list is noticed.
const ManyReaders = 10_000

// PlanError says what is wrong with one field of a plan.
type PlanError struct {
	Field string // at, zone, readers, repeat, window, finish_by, lifetime or count
	Err   error
}

func (e *PlanError) Error() string { return e.Err.Error() }
func (e *PlanError) Unwrap() error { return e.Err }

// Start stores the terms of a plan and launches or schedules the campaign, unless
// something is in the way ([*Blocked]) or wrong with the plan ([*PlanError]).
func (s *Service) Start(ctx context.Context, id int64, p Plan, by Actor) error {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if c.State != campaign.Draft {
		return fmt.Errorf("campaign %d: %w", id, postgres.ErrNoDraft)
	}
	start, err := p.terms(&c, now())
	if err != nil {
		return err
	}
	audience, err := s.Audience(ctx, id, audienceWait)
	if err != nil {
		return err
	}
	reached := int64(-1)
	if audience.Known {
		reached = audience.WillReceive
	}
	items, err := s.Review(ctx, c, start, reached)
	if err != nil {
		return err
	}
	if blocks := review.Blocks(items); len(blocks) > 0 {
		return &Blocked{blocks}
	}
	if err := p.confirmed(audience); err != nil {
		return err
	}
	if err := s.Store.SaveTerms(ctx, id, c.Settings, c.TimeZone, now()); err != nil {
		return err
	}
	if p.Now {
		if err := s.Launch(ctx, id); err != nil {
			return err
		}
		return s.auditCampaign(ctx, by, "launch", id)
	}
	if p.Repeat != "" {
		if _, err := s.Repeat(ctx, id, p.Repeat, start, p.Zone); err != nil {
			return err
		}
		return s.auditCampaign(ctx, by, "repeat", id)
	}
	if p.Readers != "" {
		if _, err := s.ScheduleByZone(ctx, id, p.ReaderTime()); err != nil {
			return err
		}
		return s.auditCampaign(ctx, by, "schedule", id)
	}
	if err := s.Schedule(ctx, id, start, p.Zone); err != nil {
		return err
	}
	return s.auditCampaign(ctx, by, "schedule", id)
}

// audienceWait is how long a start waits for the count of its readers.
const audienceWait = 20 * time.Second

// terms reads a plan into a campaign and returns the start; zero for now.
func (p Plan) terms(c *postgres.Campaign, at time.Time) (start time.Time, err error) {
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "" || p.Zone == "Local" {
		return start, &PlanError{"zone", fmt.Errorf("%q is not a time zone; use a name such as Europe/Warsaw", p.Zone)}
	}
	c.TimeZone = p.Zone
	if !p.Now {
		if start, err = campaign.ParseStart(p.At, p.Zone); err != nil {
			return start, &PlanError{"at", err}
		}
		if !start.After(at) {
			return start, &PlanError{"at", fmt.Errorf("%s has passed; choose a later time, or send it now", p.At)}
		}
	}
	c.Settings.ReaderTime = p.ReaderTime()
	switch {
	case p.Readers == "":
	case p.Now:
		return start, &PlanError{"readers", errors.New("choose the day and time that is meant where readers are")}
	case p.Repeat != "":
		return start, &PlanError{"repeat", errors.New("a series goes out at one moment for all; choose it, or each reader's own zone")}
	case !p.Window.IsZero():
		return start, &PlanError{"window", errors.New("certain hours are those of one zone; choose them, or each reader's own zone")}
	}
	if err := c.Settings.ReaderTime.Check(); err != nil {
		return start, &PlanError{"readers", err}
	}
	if p.Repeat != "" && p.Now {
		return start, &PlanError{"repeat", errors.New("choose the day and time of the first run above")}
	}
	if p.Repeat != "" {
		rule, err := recurrence.Parse(p.Repeat, start, p.Zone)
		if err != nil {
			return start, &PlanError{"repeat", err}
		}
		start = rule.After(start.Add(-time.Second), 1)[0] // what counts is its first run
	}
	if c.Settings.Window = p.Window; !p.Window.IsZero() {
		c.Settings.Window.Zone = p.Zone
	}
	if err := c.Settings.Window.Check(); err != nil {
		return start, &PlanError{"window", err}
	}
	c.Settings.FinishBy = time.Time{}
	if strings.TrimSpace(p.FinishBy) != "" {
		by, err := campaign.ParseStart(p.FinishBy, p.Zone)
		if err != nil {
			return start, &PlanError{"finish_by", err}
		}
		if c.Settings.FinishBy = by.UTC(); !by.After(at) || !by.After(start) {
			return start, &PlanError{"finish_by", errors.New("it must be after the start; choose a later time, or none")}
		}
	}
	if p.Lifetime != 0 {
		c.Settings.Lifetime = campaign.Duration(p.Lifetime)
	}
	if p.Tracking != nil {
		c.Settings.Tracking = *p.Tracking
	}
	if err := c.Settings.Check(); err != nil {
		return start, &PlanError{"lifetime", err}
	}
	return start, nil
}

// ReaderTime is when each reader gets it; the zero value for one moment for all.
func (p Plan) ReaderTime() campaign.ReaderTime {
	if p.Readers == "" {
		return campaign.ReaderTime{}
	}
	return campaign.ReaderTime{Field: p.Readers, At: p.At, Zone: p.Zone}
}

// confirmed asks for the number of readers to be typed where there are many.
func (p Plan) confirmed(a AudienceView) error {
	if !a.Known {
		return &PlanError{"count", errors.New("the readers are still being counted; try again in a moment")}
	}
	typed := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, p.Count)
	if a.WillReceive > ManyReaders && typed != fmt.Sprint(a.WillReceive) {
		return &PlanError{"count", fmt.Errorf("type the number of readers, %s, to confirm", campaign.WordsForCount(a.WillReceive))}
	}
	return nil
}
