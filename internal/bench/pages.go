package bench

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

// PagesOptions say of which database the pages are loaded, and how often.
type PagesOptions struct {
	Binary string
	Scale  float64 // of what is filled in where nothing is
	Rounds int     // after the first
	Config config.Config
	Log    *slog.Logger
	Out    io.Writer
}

// What a page may take on its first load.
const (
	pageMostMS = 150.0
	pageMostKB = 200.0
)

// PageFigure is how a page loads in a browser that has nothing of it yet.
type PageFigure struct {
	Route  string  `json:"route"`
	Path   string  `json:"path"`
	Live   bool    `json:"live"`      // an event stream: until its first event; without targets
	Cold   float64 `json:"cold_ms"`   // the first time since Postgres and Headway were started
	Warm   float64 `json:"warm_ms"`   // median of the rounds after it
	Best   float64 `json:"best_ms"`   // the quickest of all: on a busy machine the nearest to what a page takes by itself
	HTML   float64 `json:"html_kb"`   // on the wire
	Assets float64 `json:"assets_kb"` // on the wire: styles, scripts, pictures, fonts
}

// KB returns everything that comes over the wire.
func (f PageFigure) KB() float64 { return f.HTML + f.Assets }

// Kept reports whether the targets are reached.
func (f PageFigure) Kept() bool {
	return f.Live || f.Cold <= pageMostMS && f.Warm <= pageMostMS && f.KB() <= pageMostKB
}

// PagesMissed joins the pages that missed their targets.
func PagesMissed(figures []PageFigure) error {
	var missed []error
	for _, f := range figures {
		if !f.Kept() {
			missed = append(missed, fmt.Errorf("%s: %.0f ms, then %.0f ms, %.0f KB; wanted ≤ %.0f ms and ≤ %.0f KB", f.Path, f.Cold, f.Warm, f.KB(), pageMostMS, pageMostKB))
		}
	}
	return errors.Join(missed...)
}

// Pages loads every page of a filled database from a `headway serve` that does
// nothing else.
func Pages(ctx context.Context, o PagesOptions) (figures []PageFigure, err error) {
	d, err := node.OpenDatabaseNamed(ctx, o.Config, seedDatabase, o.Log)
	if err != nil {
		return nil, err
	}
	filled, err := d.Store.Filled(ctx)
	if err == nil && !filled {
		_, err = seed(ctx, d, SeedOptions{Scale: o.Scale, Config: o.Config, Log: o.Log, Out: o.Out})
	}
	if err = errors.Join(err, d.Close()); err != nil { // Postgres is started again, with nothing in its memory
		return nil, err
	}
	if d, err = node.OpenDatabaseNamed(ctx, o.Config, seedDatabase, o.Log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if !filled && o.Config.Database.URL == "" {
		defer func() { err = errors.Join(err, d.Empty(context.WithoutCancel(ctx))) }()
	}
	return loadPages(ctx, d, o)
}

func loadPages(ctx context.Context, d *node.Database, o PagesOptions) (figures []PageFigure, err error) {
	subjects, err := d.Store.BenchSubjects(ctx)
	if err != nil {
		return nil, err
	}
	desk, err := deskFor(ctx, d.Store, o.Config, o.Log)
	if err != nil {
		return nil, err
	}
	defer desk.Close()
	keys, err := desk.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	names, err := sandbox.StartNames(nil, time.Hour, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, names.Stop(context.WithoutCancel(ctx))) }()
	site, err := newVictim(o.Binary, map[string]string{"DATABASE_URL": d.URL, "HEADWAY_DATA": o.Config.Data, "HEADWAY_ROLES": "web",
		"HEADWAY_SECRET_KEY": o.Config.SecretKey, "HEADWAY_SANDBOX_ENABLED": "true", "HEADWAY_DNS_SERVERS": names.Addr().String()})
	if err != nil {
		return nil, err
	}
	if err := site.start(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, site.stop()) }()
	visitor := newPageVisitor(site.url())
	defer visitor.close()
	join, leave, err := enterGuests(ctx, desk, visitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, leave(context.WithoutCancel(ctx))) }()
	return visitAll(ctx, visitor, pageStops(subjects, join, mintFor(keys, subjects)), o)
}

// enterGuests makes an owner who logs in, and somebody who has not taken up an
// invitation. Both are shut out again by leave.
func enterGuests(ctx context.Context, desk *service.Service, visitor *pageVisitor) (join string, leave func(context.Context) error, err error) {
	if any, err := desk.AnyUser(ctx); err != nil || !any {
		return "", nil, errors.Join(err, errors.New("nobody is entered: make the owner with `headway user add ADDRESS`"))
	}
	by := service.Actor{Name: "headway bench pages", Door: service.CommandLine}
	mark := time.Now().UTC().Format("20060102-150405")
	var secrets, addresses []string
	for _, name := range []string{"guest", "invited"} {
		n := service.NewUser{Address: name + "-" + mark + "@bench.test", Name: "Bench " + name, Role: auth.Owner}
		secret, err := desk.Invite(ctx, n, by)
		if err != nil {
			return "", nil, err
		}
		secrets, addresses = append(secrets, secret), append(addresses, n.Address)
	}
	if err := visitor.join(ctx, secrets[0], rand.Text()); err != nil {
		return "", nil, err
	}
	return secrets[1], func(ctx context.Context) error {
		var problems []error
		for _, address := range addresses {
			problems = append(problems, desk.DisableUser(ctx, address, by))
		}
		return errors.Join(problems...)
	}, nil
}

// visitAll loads every page once, and then all of them again and again, so that
// nothing is shown from a memory of moments ago.
func visitAll(ctx context.Context, visitor *pageVisitor, stops []pageStop, o PagesOptions) ([]PageFigure, error) {
	figures := make([]PageFigure, len(stops))
	warm := make([][]float64, len(stops))
	for round := range 1 + o.Rounds {
		for i, stop := range stops {
			l, err := visitor.load(ctx, stop)
			if err != nil {
				return nil, fmt.Errorf("round %d: %w", round+1, err)
			}
			took := float64(l.took.Microseconds()) / 1000
			if round == 0 {
				figures[i] = PageFigure{Route: stop.route, Path: stop.path, Live: stop.live, Cold: took}
			} else {
				warm[i] = append(warm[i], took)
			}
			figures[i].HTML, figures[i].Assets = float64(l.html)/1000, float64(l.other)/1000
		}
		fmt.Fprintf(o.Out, "round %d of %d is over\n", round+1, 1+o.Rounds)
	}
	for i := range figures {
		slices.SortFunc(warm[i], cmp.Compare[float64])
		figures[i].Warm, figures[i].Best = warm[i][len(warm[i])/2], min(warm[i][0], figures[i].Cold)
	}
	return figures, nil
}
