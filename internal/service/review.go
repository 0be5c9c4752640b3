package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/review"
	"github.com/headwaymail/headway/internal/postgres"
)

// readersLooked is how many readers are looked at for empty merge fields: few
// enough for a page, enough to meet what is often missing.
const readersLooked = 500

// Review returns the checklist of a campaign that is to start at a time; zero
// stands for now. Who will receive is reached, or -1 when it is not known.
func (s *Service) Review(ctx context.Context, c postgres.Campaign, start time.Time, reached int64) ([]review.Item, error) {
	f := review.Facts{Content: c.Content, Settings: c.Settings, Start: start, Reached: reached}
	lists, err := s.Store.CampaignLists(ctx, c.ID, false)
	if err != nil {
		return nil, err
	}
	f.Lists = len(lists)
	if f.Missing, err = s.missing(ctx, c); err != nil {
		return nil, err
	}
	if f.Tested, err = s.Store.HasEvent(ctx, c.ID, eventTest); err != nil {
		return nil, err
	}
	if err := s.reviewLetter(ctx, c, &f); err != nil {
		return nil, err
	}
	return review.Check(f, now()), nil
}

// missing says what the installation lacks for a campaign.
func (s *Service) missing(ctx context.Context, c postgres.Campaign) ([]string, error) {
	from, err := s.parseAddress(c.Content.FromAddress)
	if err != nil {
		return nil, nil // what is wrong with the address is an item of its own
	}
	var lacks *NotReady
	if err := s.Ready(ctx, from.Domain); !errors.As(err, &lacks) {
		return nil, err
	}
	return lacks.Missing, nil
}

// reviewLetter composes the message for one reader and looks at the fields of
// some others.
func (s *Service) reviewLetter(ctx context.Context, c postgres.Campaign, f *review.Facts) error {
	readers, err := s.Store.Readers(ctx, c.ID, readersLooked)
	if err != nil {
		return err
	}
	first := somebody
	if len(readers) > 0 {
		first = readers[0]
	}
	letter, err := s.compose(c, first)
	if err != nil {
		f.Problem = err
		return nil
	}
	f.Rendered, f.Raw, f.LeaveURL, f.Fields = letter.Rendered, letter.Raw, letter.LeaveURL, nil
	for _, name := range letter.Fields {
		use := review.FieldUse{Name: name, Looked: len(readers)}
		for _, r := range readers {
			if v, ok := r.Fields[name]; !ok || strings.TrimSpace(fmt.Sprint(v)) == "" {
				use.Without++
			}
		}
		f.Fields = append(f.Fields, use)
	}
	return nil
}

// Blocked is what stands in the way of a campaign.
type Blocked struct{ Items []review.Item }

// Error lists everything that is in the way.
func (e *Blocked) Error() string {
	var b strings.Builder
	b.WriteString("the campaign cannot go out yet:")
	for _, i := range e.Items {
		b.WriteString("\n  - " + i.Title + ": " + i.Words + " " + i.Fix)
	}
	return b.String()
}

// Plan is when and under which terms a campaign goes out.
type Plan struct {
	Now      bool
	At       string // as [campaign.ParseStart] reads it; when Now is false
	Zone     string // IANA name
	FinishBy string // empty for none
	Lifetime time.Duration
	Count    string // the number of readers, typed again; needed above ManyReaders
}

// ManyReaders is the number of readers above which a person types it, so that
// the wrong list is noticed.
const ManyReaders = 10_000

// PlanError says what is wrong with one field of a plan.
type PlanError struct {
	Field string // at, zone, finish_by, lifetime or count
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
	if err := c.Settings.Check(); err != nil {
		return start, &PlanError{"lifetime", err}
	}
	return start, nil
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
		return &PlanError{"count", fmt.Errorf("type the number of readers, %s, to confirm", countWords(a.WillReceive))}
	}
	return nil
}
