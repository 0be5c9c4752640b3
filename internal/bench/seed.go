package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/segment"
	"github.com/headwaymail/headway/pacing"
)

// SeedOptions say how much is filled in, and where.
type SeedOptions struct {
	Scale  float64 // 1 makes a million contacts and ten million deliveries
	Config config.Config
	Log    *slog.Logger
	Out    io.Writer // a line for each step
}

// SeedResult is what a filling made.
type SeedResult struct {
	Contacts   int           `json:"contacts"`
	Campaigns  int           `json:"campaigns"`
	Deliveries int           `json:"deliveries"`
	Took       time.Duration `json:"took_ns"`
	URL        string        `json:"database_url"`
}

// seedDatabase is the database of Headway's own server that is filled.
const seedDatabase = "headway_bench_pages"

// The whole: one campaign to all contacts, a hundred to a twentieth of them, and
// four thousand of a thousand readers each.
const (
	seedContacts  = 1_000_000
	seedMedium    = 100
	seedPart      = 20 // a medium campaign goes to one contact in so many
	seedSmall     = 4000
	seedSmallSize = 1000
	seedDomains   = 40_000
	seedProviders = 4000
	seedImports   = 100
)

// sizes returns what a scale means. The number of medium campaigns stays, so that
// there are many at any scale; the size of small ones stays as far as there are
// contacts.
func sizes(scale float64) postgres.BenchSeed {
	of := func(n, least int) int { return max(least, int(math.Round(float64(n)*scale))) }
	b := postgres.BenchSeed{Contacts: of(seedContacts, 1000), Medium: seedMedium, Small: of(seedSmall, 4),
		Domains: of(seedDomains, 50), Providers: of(seedProviders, 20), Imports: of(seedImports, 5)}
	b.MediumSize, b.SmallSize = b.Contacts/seedPart, min(seedSmallSize, b.Contacts)
	return b
}

// Seed fills an empty database with what an installation has after years.
func Seed(ctx context.Context, o SeedOptions) (result SeedResult, err error) {
	d, err := node.OpenDatabaseNamed(ctx, o.Config, seedDatabase, o.Log)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return seed(ctx, d, o)
}

// Unseed empties the database of Headway's own server that Seed fills.
func Unseed(ctx context.Context, o SeedOptions) (err error) {
	if o.Config.Database.URL != "" {
		return errors.New("only the database of Headway's own server is emptied; drop the other one yourself")
	}
	d, err := node.OpenDatabaseNamed(ctx, o.Config, seedDatabase, o.Log)
	if err != nil {
		return err
	}
	return errors.Join(d.Empty(ctx), d.Close())
}

func seed(ctx context.Context, d *node.Database, o SeedOptions) (SeedResult, error) {
	began := time.Now()
	b := sizes(o.Scale)
	b.Now = began.UTC().Truncate(time.Second)
	var err error
	if b.Content, err = json.Marshal(seedContent); err != nil {
		return SeedResult{}, err
	}
	if b.Settings, err = json.Marshal(campaign.DefaultSettings()); err != nil {
		return SeedResult{}, err
	}
	if b.Paces, err = seedPaces(b.Now); err != nil {
		return SeedResult{}, err
	}
	err = d.Store.SeedForBench(ctx, b, func(step postgres.BenchStep) {
		fmt.Fprintf(o.Out, "%9.1f s  %s: %d rows in %.1f s\n", time.Since(began).Seconds(), step.What, step.Rows, step.Took.Seconds())
	})
	if err != nil {
		return SeedResult{}, err
	}
	if err := seedByHand(ctx, d.Store, o); err != nil {
		return SeedResult{}, err
	}
	return SeedResult{Contacts: b.Contacts, Campaigns: 1 + b.Medium + b.Small, Deliveries: b.Deliveries(), Took: time.Since(began), URL: d.URL}, nil
}

// seedContent is the newsletter of every campaign.
var seedContent = campaign.Content{FromName: "The Mill at the Weir", FromAddress: "ann@letters.sender.test", Subject: "The apples are in",
	PostalAddress: "1 Harbour Lane, Exampleton", Markdown: strings.TrimSpace(`
# Apples, and what became of them

Dear {{ first_name | default: "reader" }},

the press ran for nine days, and the cellar is full.

[Put a box aside for me](https://mill.test/boxes), [see when we are open](https://mill.test/hours),
or [read what else is new](https://mill.test/news).
`)}

// seedPaces are the paces of providers in turn: most are steady, one in eight is
// held, one in eight was slowed down.
func seedPaces(now time.Time) (states [][]byte, err error) {
	for n := range 8 {
		p := pacing.New(pacing.Profile{Start: 5, MaxRate: 50}, now)
		p.Rate.Mode, p.Rate.Lo, p.Rate.Good = "steady", 5, 5
		p.Rate.Next = p.Clock + 3600
		switch n {
		case 3:
			p.Hold.Since, p.Hold.Next, p.Hold.Cause, p.Hold.Delay = p.Clock, p.Clock+3600, "421 4.7.0 come back later", 300
		case 5:
			p.Rate.Mode, p.Rate.Hi = "climb", 6
		}
		state, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// seedByHand makes what few rows hold in the way people make it: an owner, a
// signing key, segments, a template, a draft to everybody and an upload whose columns nobody
// has confirmed.
func seedByHand(ctx context.Context, store *postgres.Store, o SeedOptions) error {
	s, err := deskFor(ctx, store, o.Config, o.Log)
	if err != nil {
		return err
	}
	defer s.Close()
	ann := service.Actor{Name: "Ann Weaver", Door: service.CommandLine}
	if err := s.FirstOwner(ctx, service.NewUser{Address: "ann@letters.sender.test", Name: ann.Name}, rand.Text()); err != nil && !errors.Is(err, postgres.ErrNotEmpty) {
		return err
	}
	if _, err := s.GenerateDKIM(ctx, seedContent.FromDomain(), ""); err != nil {
		return err
	}
	for name, c := range map[string]segment.Condition{
		"Clicked this month": {Subject: segment.Clicked, Op: segment.Within, Value: "30"},
		"Readers in Berlin":  {Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Berlin"},
		"At Northmail":       {Subject: segment.Provider, Op: segment.Is, Value: "Northmail"},
		"Nothing for a year": {Subject: segment.Delivered, Op: segment.NotWithin, Value: "365"},
	} {
		rule := segment.Segment{Group: segment.Group{Match: segment.All, Conditions: []segment.Condition{c, {Subject: segment.Status, Op: segment.Is, Value: "active"}}}}
		if _, err := s.SaveSegment(ctx, 0, name, rule); err != nil {
			return err
		}
	}
	if _, err := s.SaveTemplate(ctx, 0, "The Mill", seedTemplate, ann); err != nil {
		return err
	}
	id, err := s.StartDraft(ctx, "Apples of November", seedContent, ann)
	if err != nil {
		return err
	}
	if err := s.SaveAudience(ctx, id, postgres.AudienceChoice{Lists: []string{"All readers"}, Exclude: []string{"Staff"}}, "", ann); err != nil {
		return err
	}
	_, err = s.Upload(ctx, "fair.csv", strings.NewReader(seedUpload), service.ImportOptions{List: "Events", Draft: true})
	return err
}

// deskFor returns the service of a database whose secrets lie in the data folder
// of the settings.
func deskFor(ctx context.Context, store *postgres.Store, c config.Config, log *slog.Logger) (*service.Service, error) {
	queue, err := jobs.NewQueue(store, log)
	if err != nil {
		return nil, err
	}
	c.Sandbox.Enabled = true // names under .test are mailboxes here
	return service.New(ctx, store, queue, c, log)
}

const (
	seedTemplate = `<!doctype html><html><head><title>{{ subject }}</title></head><body>{{ content }}<p><a href="{{ unsubscribe_url }}">Leave this list</a><br>{{ postal_address }}</p></body></html>`
	seedUpload   = "E-Mail,Name,Town\nida@fair.test,Ida,Porto\njan@fair.test,Jan,Oslo\n"
)
