package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// dashboardView says what is going on, what comes next and what needs somebody.
type dashboardView struct {
	At        time.Time
	Sending   []campaignLine
	Next      []next
	Attention []attention
	Latest    []campaignLine
	Setup     *reminder // nil once all is set up; not in the live part
}

// reminder leads to the setup until that is over.
type reminder struct {
	Done int
	Next string // the title of the next line
}

// Rate is what all campaigns together deliver per second.
func (v dashboardView) Rate() (sum float64) {
	for _, c := range v.Sending {
		if c.Rate != nil {
			sum += *c.Rate
		}
	}
	return sum
}

// Delivered and Waiting add up the campaigns under way.
func (v dashboardView) Delivered() (n int64) {
	return v.sum(func(c campaign.Counters) int64 { return c.Delivered })
}

// Waiting adds up what is still to go.
func (v dashboardView) Waiting() (n int64) { return v.sum(campaign.Counters.Waiting) }

func (v dashboardView) sum(of func(campaign.Counters) int64) (n int64) {
	for _, c := range v.Sending {
		n += of(c.Counters)
	}
	return n
}

// next is a campaign that is scheduled.
type next struct {
	ID   int64
	Name string
	When string // in words, with its time zone
}

// attention is something that somebody should look at.
type attention struct {
	Link  string
	Title string
	State string // held, slowed, failed, warning
	Words string // in what way
	Why   string
	At    time.Time // since when; zero when it is now
}

const (
	attentionFor  = 7 * 24 * time.Hour // how long a warning stays on the dashboard
	attentionMost = 20
	latestLength  = 8
	nextLength    = 10
)

// showDashboard is the first page.
func (s *Server) showDashboard(w http.ResponseWriter, r *http.Request) error {
	view, err := s.dashboard(r.Context())
	if err != nil {
		return err
	}
	if view.Setup, err = s.setupReminder(r.Context()); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "dashboard",
		frame{Title: "Dashboard", Section: "dashboard", Live: "/live", Page: view})
}

func (s *Server) dashboardLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "dashboard", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.dashboard(ctx)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("dashboard", "live", view)
		return fragment, false, err
	})
}

func (s *Server) dashboard(ctx context.Context) (dashboardView, error) {
	view := dashboardView{At: time.Now()}
	store := s.service.Store
	live, err := store.LiveCampaigns(ctx)
	if err != nil {
		return view, err
	}
	for _, c := range live {
		if c.System {
			continue
		}
		line := newCampaignLine(c)
		if perSecond, known := s.rates.measure(c.ID, view.At, c.Counters.Delivered); known && c.State == campaign.Sending {
			line.Rate = &perSecond
		}
		view.Sending = append(view.Sending, line)
	}
	slices.Reverse(view.Sending)
	scheduled, err := store.ScheduledCampaigns(ctx, nextLength)
	if err != nil {
		return view, err
	}
	for _, c := range scheduled {
		when := campaign.WordsForStart(c.ScheduledAt, c.TimeZone, view.At)
		if c.Series != nil {
			when += ", and again after that"
		}
		view.Next = append(view.Next, next{c.ID, c.Name, when})
	}
	latest, err := store.Campaigns(ctx, latestLength)
	if err != nil {
		return view, err
	}
	for _, c := range latest {
		view.Latest = append(view.Latest, newCampaignLine(c))
	}
	view.Attention, err = s.attention(ctx, view.At)
	return view, err
}

// attention gathers what needs somebody, the most urgent first.
func (s *Server) attention(ctx context.Context, now time.Time) ([]attention, error) {
	troubles, err := s.troubles(ctx, now)
	if err != nil {
		return nil, err
	}
	warnings, err := s.service.Store.Warnings(ctx, now.Add(-attentionFor), attentionMost)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		troubles = append(troubles, attention{Link: "/campaigns/" + strconv.FormatInt(w.Campaign, 10), Title: w.Name,
			State: "warning", Words: "Warning", Why: w.Words, At: w.At})
	}
	imports, err := s.service.Store.Imports(ctx, attentionMost)
	if err != nil {
		return nil, err
	}
	for _, i := range imports {
		if i.State == postgres.ImportFailed && now.Sub(i.FinishedAt) < attentionFor {
			troubles = append(troubles, attention{Link: "/imports/" + strconv.FormatInt(i.ID, 10), Title: i.FileName,
				State: "failed", Words: "Import failed", Why: ended(i.Problem), At: i.FinishedAt})
		}
	}
	return troubles[:min(len(troubles), attentionMost)], nil
}

// troubles are the providers that hold or slow mail which waits now.
func (s *Server) troubles(ctx context.Context, now time.Time) ([]attention, error) {
	waiting, err := s.service.Store.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	paces, err := s.service.Paces(ctx)
	if err != nil {
		return nil, err
	}
	type trouble struct {
		attention
		rank    int
		waiting int64
	}
	var found []trouble
	for id, p := range paces {
		if waiting[id] == 0 {
			continue
		}
		standing := newStanding(&p.Pace, waiting[id], now)
		if standing.rank() > 1 {
			continue
		}
		words := standing.Words + ", " + rate(standing.Pace)
		if standing.Key == "held" {
			words = standing.Words
		}
		found = append(found, trouble{rank: standing.rank(), waiting: waiting[id], attention: attention{
			Link: "/providers/" + strconv.FormatInt(id, 10), Title: p.Name, State: standing.Key,
			Words: words + "; " + plural(waiting[id], "message waits", "messages wait"), Why: standing.Why}})
	}
	slices.SortFunc(found, func(a, b trouble) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.waiting, a.waiting), cmp.Compare(a.Title, b.Title))
	})
	list := make([]attention, len(found))
	for i, t := range found {
		list[i] = t.attention
	}
	return list, nil
}
