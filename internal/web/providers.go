package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
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
	return s.render(w, r, http.StatusOK, "providers",
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
