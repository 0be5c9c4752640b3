package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/review"
	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres"
)

// Weights of campaigns that share a provider.
const (
	WeightLow    = 1
	WeightNormal = 4
	WeightUrgent = 16
)

// Draft is what a person gives to make a campaign.
type Draft struct {
	Name    string
	Content campaign.Content
	Lists   []string // names; at least one, or a segment
	Exclude []string // names of lists whose members are left out

	Segments        []string // names of segments whose contacts get it too, if some list has them
	ExcludeSegments []string // names of segments whose contacts are left out

	TimeZone string // IANA name; empty means UTC
	Weight   int    // 0 means WeightNormal
	Settings campaign.Settings
}

// CreateCampaign checks a draft, compiles its message once to find mistakes
// early, and stores it.
func (s *Service) CreateCampaign(ctx context.Context, d Draft) (int64, error) {
	if strings.TrimSpace(d.Name) == "" {
		return 0, errors.New("a campaign needs a name")
	}
	if len(d.Lists)+len(d.Segments) == 0 {
		return 0, errors.New("a campaign needs at least one list or segment to send to")
	}
	if d.TimeZone == "" {
		d.TimeZone = "UTC"
	}
	if _, err := time.LoadLocation(d.TimeZone); err != nil {
		return 0, fmt.Errorf("%q is not a time zone; use a name such as Europe/Warsaw", d.TimeZone)
	}
	if err := d.Settings.Check(); err != nil {
		return 0, err
	}
	if by := d.Settings.FinishBy; !by.IsZero() && !by.After(now()) {
		return 0, fmt.Errorf("the time to finish by, %s, has passed", by.Format(time.RFC3339))
	}
	name, content, err := tidyDraft(d.Name, d.Content)
	if err != nil {
		return 0, err
	}
	if err := s.takeFrame(ctx, &content, campaign.Content{}); err != nil {
		return 0, err
	}
	return s.create(ctx, postgres.NewCampaign{Name: name, Weight: cmp.Or(d.Weight, WeightNormal), Content: content,
		Settings: d.Settings, TimeZone: d.TimeZone, Lists: d.Lists, Exclude: d.Exclude,
		Segments: d.Segments, ExcludeSegments: d.ExcludeSegments})
}

func (s *Service) create(ctx context.Context, n postgres.NewCampaign) (int64, error) {
	from, err := s.parseAddress(n.Content.FromAddress)
	if err != nil {
		return 0, fmt.Errorf("from address: %w", err)
	}
	if _, err := message.Compile(delivery.MessageSource(postgres.Campaign{Content: n.Content}, from.Domain)); err != nil {
		return 0, err
	}
	return s.Store.CreateCampaign(ctx, n, now())
}

// FindCampaign returns a campaign by its number or its name. A name that
// several campaigns have is refused: the wrong one must not be launched.
func (s *Service) FindCampaign(ctx context.Context, reference string) (postgres.Campaign, error) {
	if id, err := strconv.ParseInt(strings.TrimPrefix(reference, "#"), 10, 64); err == nil {
		return s.Store.Campaign(ctx, id)
	}
	ids, err := s.Store.CampaignsNamed(ctx, reference)
	switch {
	case err != nil:
		return postgres.Campaign{}, err
	case len(ids) == 0:
		return postgres.Campaign{}, fmt.Errorf("there is no campaign %q; `headway campaign list` shows all", reference)
	case len(ids) > 1:
		numbers := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(ids), "[]")), " or ")
		return postgres.Campaign{}, fmt.Errorf("there are %d campaigns called %q; give the number: %s", len(ids), reference, numbers)
	}
	return s.Store.Campaign(ctx, ids[0])
}

// Launch starts a campaign now.
func (s *Service) Launch(ctx context.Context, id int64) error {
	return s.launch(ctx, id, campaign.ReaderTime{})
}

func (s *Service) launch(ctx context.Context, id int64, readers campaign.ReaderTime) error {
	if err := s.mayStart(ctx, id, time.Time{}); err != nil {
		return err
	}
	_, err := s.Store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Launch, At: now()}, func(tx pgx.Tx) error {
		if err := s.oneOff(ctx, tx, id, readers); err != nil {
			return err
		}
		return s.Queue.LaunchTx(ctx, tx, id, time.Time{})
	})
	return err
}

// Schedule sets the time at which a campaign starts.
func (s *Service) Schedule(ctx context.Context, id int64, start time.Time, zone string) error {
	return s.schedule(ctx, id, start, zone, campaign.ReaderTime{})
}

func (s *Service) schedule(ctx context.Context, id int64, start time.Time, zone string, readers campaign.ReaderTime) error {
	if err := s.mayStart(ctx, id, start); err != nil {
		return err
	}
	if !start.After(now()) {
		return fmt.Errorf("%s has passed; choose a later time, or launch the campaign now", start.Format(time.RFC3339))
	}
	start = start.UTC().Truncate(time.Second)
	change := postgres.Change{Verb: campaign.Schedule, At: now(), Start: start, TimeZone: zone}
	_, err := s.Store.ChangeCampaign(ctx, id, change, func(tx pgx.Tx) error {
		if err := s.oneOff(ctx, tx, id, readers); err != nil {
			return err
		}
		return s.Queue.LaunchTx(ctx, tx, id, start)
	})
	return err
}

// Do takes a campaign one step further in its life: unschedule, pause, resume
// or cancel. [Service.Launch] and [Service.Schedule] need more than a verb.
func (s *Service) Do(ctx context.Context, id int64, verb campaign.Verb) error {
	at := now()
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.Store.ChangeCampaign(ctx, id, postgres.Change{Verb: verb, At: at}, func(tx pgx.Tx) error {
		if verb != campaign.Cancel {
			return nil // a series whose campaign is unscheduled is paused
		}
		return s.Store.EndSeriesTx(ctx, tx, id, at)
	})
	if err != nil {
		return err
	}
	words := map[campaign.Verb]string{
		campaign.Unschedule: "Taken off the schedule.", campaign.Pause: "Paused by hand.",
		campaign.Resume: "Resumed by hand.", campaign.Cancel: "Cancelled by hand: what had not gone out does not.",
	}[verb]
	if verb == campaign.Unschedule && c.Series != nil {
		words = "The series was paused by hand."
	}
	return s.Store.AddEvent(ctx, id, postgres.CampaignEvent{At: at, Kind: string(verb), Words: words}, false)
}

// DoAs is [Service.Do] in somebody's name: it is recorded in the audit log.
func (s *Service) DoAs(ctx context.Context, id int64, verb campaign.Verb, by Actor) error {
	if err := s.Do(ctx, id, verb); err != nil {
		return err
	}
	return s.audit(ctx, by, now(), "campaign."+string(verb), "campaign "+strconv.FormatInt(id, 10), "", struct{}{})
}

// mayStart returns a [*NotReady] or [*Blocked] error for a campaign that must not
// go out. Whether anybody would receive it is not counted here.
func (s *Service) mayStart(ctx context.Context, id int64, start time.Time) error {
	if err := s.readyFor(ctx, id); err != nil {
		return err
	}
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	return s.mayGoOut(ctx, c, start)
}

// mayGoOut is the part of mayStart that looks at the campaign itself.
func (s *Service) mayGoOut(ctx context.Context, c postgres.Campaign, start time.Time) error {
	items, err := s.Review(ctx, c, start, -1)
	if err != nil {
		return err
	}
	if blocks := review.Blocks(items); len(blocks) > 0 {
		return &Blocked{blocks}
	}
	return nil
}

func (s *Service) readyFor(ctx context.Context, id int64) error {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	from, err := s.parseAddress(c.Content.FromAddress)
	if err != nil {
		return fmt.Errorf("from address: %w", err)
	}
	return s.Ready(ctx, from.Domain)
}

// SendTest sends a campaign's message to one address, as a delivery of a system
// campaign of its own: urgent, with "[Test]" before the subject. It returns the
// id of that campaign, where the outcome can be read.
func (s *Service) SendTest(ctx context.Context, id int64, to string) (int64, error) {
	if err := s.readyFor(ctx, id); err != nil {
		return 0, err
	}
	recipient, err := s.parseAddress(to)
	if err != nil {
		return 0, err
	}
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return 0, err
	}
	c.Content.Subject = "[Test] " + c.Content.Subject
	c.Settings.Window = campaign.Window{} // somebody waits for it
	test, err := s.create(ctx, postgres.NewCampaign{Name: "Test of " + c.Name, System: true, Weight: WeightUrgent,
		Content: c.Content, Settings: c.Settings, TimeZone: c.TimeZone})
	if err != nil {
		return 0, err
	}
	contact, err := s.Store.EnsureContact(ctx, postgres.NewContact{Address: recipient.String(), AddressKey: recipient.Key(),
		CanonicalKey: recipient.Canonical(), Domain: recipient.Domain}, now())
	if err != nil {
		return 0, err
	}
	if err := s.Store.SendSystem(ctx, test, contact, now()); err != nil {
		return 0, err
	}
	return test, s.Store.AddEvent(ctx, id, postgres.CampaignEvent{At: now(), Kind: eventTest,
		Words: "Test message sent to " + recipient.String() + "."}, false)
}

// eventTest is the kind of event of a campaign of which a test was sent.
const eventTest = "test"
