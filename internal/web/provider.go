package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// providerLine is a provider in the list.
type providerLine struct {
	ID       int64
	Name     string
	Standing standing
	Waiting  int64
	Recent   postgres.Recent // of the last hour
}

// providersView is the list of providers, those that need attention first.
type providersView struct {
	At        time.Time
	Providers []providerLine
	Hidden    int // providers that were never mailed, beyond the list
}

const (
	recentFor = time.Hour
	// providerLines bounds the list. What needs attention and what mail waits
	// for stands at its beginning.
	providerLines = 300
)

func (s *Server) listProviders(w http.ResponseWriter, r *http.Request) error {
	view, err := s.providers(r.Context())
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "providers",
		frame{Title: "Providers", Section: "providers", Live: "/providers/live", Page: view})
}

func (s *Server) providersLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "providers", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.providers(ctx)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("providers", "live", view)
		return fragment, false, err
	})
}

func (s *Server) providers(ctx context.Context) (providersView, error) {
	view := providersView{At: time.Now()}
	known, err := s.service.Store.Providers(ctx)
	if err != nil {
		return view, err
	}
	paces, err := s.service.Paces(ctx)
	if err != nil {
		return view, err
	}
	waiting, err := s.service.Store.Waiting(ctx)
	if err != nil {
		return view, err
	}
	recent, err := s.service.Store.Recent(ctx, view.At.Add(-recentFor))
	if err != nil {
		return view, err
	}
	for _, p := range known {
		line := providerLine{ID: p.ID, Name: p.Name, Waiting: waiting[p.ID], Recent: recent[p.ID]}
		pace, mailed := paces[p.ID]
		switch {
		case !mailed:
			line.Standing = newStanding(nil, 0, view.At)
		default:
			line.Standing = newStanding(&pace.Pace, int64(pace.Pace.Lanes), view.At)
		}
		view.Providers = append(view.Providers, line)
	}
	slices.SortStableFunc(view.Providers, func(a, b providerLine) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(b.Waiting, a.Waiting))
	})
	if len(view.Providers) > providerLines {
		view.Hidden = len(view.Providers) - providerLines
		view.Providers = view.Providers[:providerLines]
	}
	return view, nil
}

// urgency orders the list: held and slowed providers that mail waits for, then
// all that mail waits for, then the others.
func (l providerLine) urgency() int {
	if l.Waiting > 0 {
		return l.Standing.rank()
	}
	return 10 + l.Standing.rank()
}

// providerView is one provider.
type providerView struct {
	At       time.Time
	ID       int64
	Name     string
	Standing standing
	Mailed   bool // a pace is known
	Pace     pacing.Pace
	Doing    string // what the pacer does now
	Looks    bool   // it will look for a higher limit
	Waiting  int64
	Recent   postgres.Recent
	Chart    chart
	Feed     []feedLine
}

// chartEvents is how many changes of pace the chart goes back, feedEvents how
// many are told.
const (
	chartEvents = 400
	feedEvents  = 60
)

func (s *Server) showProvider(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	view, err := s.provider(r.Context(), id)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "provider",
		frame{Title: view.Name, Section: "providers", Live: fmt.Sprintf("/providers/%d/live", id), Page: view})
}

func (s *Server) providerLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := s.service.Store.Provider(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("provider %d", id), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.provider(ctx, id)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("provider", "live", view)
		return fragment, false, err
	})
}

func (s *Server) provider(ctx context.Context, id int64) (providerView, error) {
	view := providerView{At: time.Now(), ID: id}
	known, err := s.service.Store.Provider(ctx, id)
	if err != nil {
		return view, err
	}
	if id == 0 {
		return view, postgres.ErrNotFound // stands for domains that are being looked up
	}
	view.Name = known.Name
	paces, err := s.service.Paces(ctx)
	if err != nil {
		return view, err
	}
	view.Standing = newStanding(nil, 0, view.At)
	if p, ok := paces[id]; ok {
		view.Mailed, view.Pace, view.Doing = true, p.Pace, doing(p.Pace)
		view.Standing = newStanding(&p.Pace, int64(p.Pace.Lanes), view.At)
		view.Looks = p.Pace.HoldUntil.IsZero() && p.Pace.Next.After(view.At)
	}
	waiting, err := s.service.Store.Waiting(ctx)
	if err != nil {
		return view, err
	}
	recent, err := s.service.Store.Recent(ctx, view.At.Add(-recentFor))
	if err != nil {
		return view, err
	}
	view.Waiting, view.Recent = waiting[id], recent[id]
	events, err := s.service.Store.PaceEvents(ctx, id, 0, chartEvents)
	if err != nil {
		return view, err
	}
	view.Chart = newChart(events, view.At)
	view.Feed = toldEvents(events, view.At)
	return view, nil
}

// toldEvents tells the newest changes of pace one by one, without the name.
func toldEvents(events []postgres.PaceEvent, now time.Time) []feedLine {
	lines := make([]feedLine, 0, feedEvents)
	for _, e := range events[:min(len(events), feedEvents)] {
		line := paceLine(e)
		line.When, line.Name, line.Words = moment(e.At, now), "", capital(line.Words)
		lines = append(lines, line)
	}
	return lines
}

// doing says what the pacer does at a provider now.
func doing(p pacing.Pace) string {
	switch p.Mode {
	case "start":
		return "Starting: the rate doubles while nothing is refused."
	case "climb":
		return "Looking for a higher limit, in growing steps."
	case "steady":
		return "Keeping the highest rate that is known to be good."
	case "pause":
		return "Pausing after a refusal."
	case "hold":
		return "Nothing is sent; single messages ask whether it is over."
	case "knock":
		return "One message asks whether the hold is over."
	}
	return ""
}
