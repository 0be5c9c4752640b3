package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// queueView is what waits: depth and age, by provider and by campaign.
type queueView struct {
	At        time.Time
	Queued    int64
	Deferred  int64
	Providers []queueProvider
	Campaigns []queueCampaign
	More      int    // campaigns beyond those that are shown
	Retried   string // what was made due a moment ago
}

// queueProvider is what waits at a provider, of all campaigns.
type queueProvider struct {
	ID       int64
	Name     string
	Queued   int64
	Deferred int64
	Next     time.Time // when the first of what was put off is tried again
	When     string    // the same in words
	Standing standing
}

// queueCampaign is what waits of a campaign.
type queueCampaign struct {
	campaignLine
	Oldest string // how long ago the oldest of what was put off was tried first
	Ends   string // how long a message is tried
	Lines  []queueProvider
	Hidden int64 // messages at providers beyond those lines
}

const (
	queueCampaigns = 20
	queueProviders = 300 // of a campaign that are read
	queueLines     = 8   // of them that stand under it
)

func (s *Server) showQueue(w http.ResponseWriter, r *http.Request) error {
	view, err := s.queue(r.Context())
	if err != nil {
		return err
	}
	view.Retried = retriedWords(r)
	return s.render(w, r, http.StatusOK, "queue", frame{Title: "Queue", Section: "queue", Live: "/queue/live", Page: view})
}

func (s *Server) queueLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "queue", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.queue(ctx)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("queue", "live", view)
		return fragment, false, err
	})
}

func (s *Server) queue(ctx context.Context) (queueView, error) {
	view := queueView{At: time.Now()}
	live, err := s.service.Store.LiveCampaigns(ctx)
	if err != nil {
		return view, err
	}
	live = slices.DeleteFunc(live, func(c postgres.Campaign) bool { return c.System || c.Counters.Waiting() == 0 })
	slices.SortStableFunc(live, func(a, b postgres.Campaign) int { return cmp.Compare(b.Counters.Waiting(), a.Counters.Waiting()) })
	if len(live) > queueCampaigns {
		view.More = len(live) - queueCampaigns
	}
	at := make(map[int64]*queueProvider)
	for i, c := range live {
		if i >= queueCampaigns {
			view.Queued += c.Counters.Queued
			view.Deferred += c.Counters.Deferred
			continue
		}
		waits, err := s.service.Store.Queue(ctx, c.ID, queueProviders)
		if err != nil {
			return view, err
		}
		if len(waits.Lines) < queueProviders { // all of them: what they say is newer, and adds up
			c.Counters.Queued, c.Counters.Deferred = waits.Sums()
		}
		view.Queued += c.Counters.Queued
		view.Deferred += c.Counters.Deferred
		view.Campaigns = append(view.Campaigns, newQueueCampaign(c, waits, view.At))
		for _, l := range waits.Lines {
			p := at[l.Provider]
			if p == nil {
				p = &queueProvider{ID: l.Provider, Name: l.Name}
				at[l.Provider] = p
			}
			p.add(l)
		}
	}
	if view.Providers, err = s.queueStandings(ctx, at, view.At); err != nil {
		return view, err
	}
	return view, nil
}

func newQueueCampaign(c postgres.Campaign, waits postgres.Queue, now time.Time) queueCampaign {
	q := queueCampaign{campaignLine: newCampaignLine(c), Ends: campaign.WordsForWait(c.Settings.Lifetime.Std()), Hidden: c.Counters.Waiting()}
	if !waits.Oldest.IsZero() {
		q.Oldest = took(now.Sub(waits.Oldest).Seconds())
	}
	for _, l := range waits.Lines[:min(len(waits.Lines), queueLines)] {
		p := queueProvider{ID: l.Provider, Name: l.Name}
		p.add(l)
		p.tell(now)
		q.Lines = append(q.Lines, p)
		q.Hidden -= l.Queued + l.Deferred
	}
	return q
}

func (p *queueProvider) add(l postgres.QueueLine) {
	p.Queued += l.Queued
	p.Deferred += l.Deferred
	if l.Next != nil && (p.Next.IsZero() || l.Next.Before(p.Next)) {
		p.Next = *l.Next
	}
}

// tell says when the next try is.
func (p *queueProvider) tell(now time.Time) {
	switch {
	case p.Next.IsZero():
	case !p.Next.After(now):
		p.When = "due now"
	default:
		p.When = "in " + took(p.Next.Sub(now).Seconds())
	}
}

// queueStandings are the providers at which something waits, those that need
// attention first, with how they take our mail.
func (s *Server) queueStandings(ctx context.Context, at map[int64]*queueProvider, now time.Time) ([]queueProvider, error) {
	paces, err := s.service.Paces(ctx)
	if err != nil {
		return nil, err
	}
	var found []queueProvider
	for id, p := range at {
		p.tell(now)
		p.Standing = newStanding(nil, 0, now)
		if pace, mailed := paces[id]; mailed {
			p.Standing = newStanding(&pace.Pace, p.Queued+p.Deferred, now)
		}
		found = append(found, *p)
	}
	slices.SortFunc(found, func(a, b queueProvider) int {
		return cmp.Or(cmp.Compare(a.Standing.rank(), b.Standing.rank()), cmp.Compare(b.Queued+b.Deferred, a.Queued+a.Deferred), cmp.Compare(a.Name, b.Name))
	})
	return found[:min(len(found), providerLines)], nil
}
