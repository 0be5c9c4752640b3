package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/health"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// deliveryView is the delivery report: what came of all campaigns of a span, by
// provider or by domain.
type deliveryView struct {
	Domains  bool
	Provider int64  // whose domains; 0: everybody's
	Of       string // its name
	Words    string // of the span
	Spans    []deliveryLink
	Kinds    []deliveryLink
	Query    string // of this page, for its files
	Counted  freshness
	Lines    []deliveryLine
	Hidden   int // lines beyond those that are shown
	All      campaign.Counters
	Limits   health.Thresholds
}

// deliveryLink leads to the same report of something else.
type deliveryLink struct {
	Words, Href string
	Here        bool
}

// deliveryLine is a provider or a domain in the report.
type deliveryLine struct {
	ID          int64             `json:"id"`
	Name        string            `json:"name"`
	Provider    string            `json:"provider,omitempty"` // of a domain
	Counters    campaign.Counters `json:"counters"`
	Hard        int64             `json:"hard_bounced"`
	Soft        int64             `json:"soft_bounced"`
	Complaints  int64             `json:"complaints"`
	Median      float64           `json:"median_seconds"`
	P95         float64           `json:"p95_seconds"`
	Bounces     string            `json:"bounce_health"`
	Complaining string            `json:"complaint_health"`
	Standing    *standing         `json:"standing,omitempty"` // of a provider
	Waiting     int64             `json:"waiting,omitempty"`
	Before      string            `json:"-"` // how the share that arrives has changed
	Better      bool              `json:"-"`
	Worse       bool              `json:"-"`
	level       health.Level
}

// Tried is what came to an end that says something.
func (l deliveryLine) Tried() int64 { return l.Counters.Delivered + l.Hard }

// Took says how long messages took until they were accepted.
func (l deliveryLine) Took() string {
	if l.Counters.Delivered == 0 {
		return ""
	}
	return took(l.Median) + " / " + took(l.P95)
}

// deliverySpans are how far back the report looks.
var deliverySpans = []struct {
	value, words string
	span         time.Duration
}{{"7d", "the last 7 days", 7 * 24 * time.Hour}, {"30d", "the last 30 days", 30 * 24 * time.Hour}, {"1y", "the last year", 365 * 24 * time.Hour}}

const (
	// deliverySpan is the span that is shown when none is asked for.
	deliverySpan = 1
	// deliveryLines bounds the page; the files have all.
	deliveryLines = 200
)

func (s *Server) showDelivery(w http.ResponseWriter, r *http.Request) error {
	view, err := s.delivery(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	view.Hidden = max(0, len(view.Lines)-deliveryLines)
	view.Lines = view.Lines[:len(view.Lines)-view.Hidden]
	f := frame{Title: "Delivery report", Section: "domains", Page: view}
	if view.Counted.Running {
		f.Live = "/domains/live?" + view.Query
	}
	return s.render(w, r, http.StatusOK, "delivery", f)
}

// deliveryLive brings the figures once they are counted.
func (s *Server) deliveryLive(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	first, err := s.delivery(r.Context(), query)
	if err != nil {
		return err
	}
	return s.live(w, r, "delivery "+first.Query, func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.delivery(ctx, query)
		if err != nil {
			return nil, false, err
		}
		view.Hidden = max(0, len(view.Lines)-deliveryLines)
		view.Lines = view.Lines[:len(view.Lines)-view.Hidden]
		fragment, err := s.draw("delivery", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

// delivery is the report that a query asks for; of what it does not say, the
// first choice.
func (s *Server) delivery(ctx context.Context, query url.Values) (view deliveryView, err error) {
	span := deliverySpans[deliverySpan]
	for _, one := range deliverySpans {
		if one.value == query.Get("for") {
			span = one
		}
	}
	view.Words, view.Domains = span.words, query.Get("by") == "domain"
	if text := query.Get("provider"); text != "" {
		if view.Provider, err = idOf(text); err != nil {
			return view, err
		}
		found, err := s.service.Store.Provider(ctx, view.Provider)
		if err != nil {
			return view, err
		}
		view.Of, view.Domains = found.Name, true
	}
	view.link(span.value)
	report, err := s.service.DeliveryReport(ctx, service.ReportScope{Span: span.span, Domains: view.Domains, Provider: view.Provider}, figureWait)
	if err != nil {
		return view, err
	}
	view.Counted, view.Limits = newFreshness(report.At, report.Running), s.service.Config.Health.Thresholds()
	for _, l := range report.Value {
		view.Lines = append(view.Lines, newDeliveryLine(l, view.Limits))
		view.All = view.All.Add(l.Counters)
	}
	if !view.Domains {
		if err := s.standings(ctx, view.Lines); err != nil {
			return view, err
		}
	}
	slices.SortStableFunc(view.Lines, func(a, b deliveryLine) int {
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(b.Counters.Targeted, a.Counters.Targeted))
	})
	return view, nil
}

// link makes the links to the other reports.
func (v *deliveryView) link(span string) {
	query := func(span string, domains bool) string {
		q := url.Values{"for": {span}}
		switch {
		case domains && v.Provider != 0:
			q.Set("provider", strconv.FormatInt(v.Provider, 10))
		case domains:
			q.Set("by", "domain")
		}
		return q.Encode()
	}
	v.Query = query(span, v.Domains)
	for _, one := range deliverySpans {
		v.Spans = append(v.Spans, deliveryLink{capital(one.words), "/domains?" + query(one.value, v.Domains), one.value == span})
	}
	domains := "By domain"
	if v.Of != "" {
		domains = "Domains of " + v.Of
	}
	v.Kinds = []deliveryLink{{"By provider", "/domains?" + query(span, false), !v.Domains}, {domains, "/domains?" + query(span, true), v.Domains}}
}

// standings adds how providers take our mail now.
func (s *Server) standings(ctx context.Context, lines []deliveryLine) error {
	paces, err := s.service.Paces(ctx)
	if err != nil {
		return err
	}
	waiting, err := s.service.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	for i := range lines {
		now := newStanding(nil, 0, time.Now())
		if pace, mailed := paces[lines[i].ID]; mailed {
			now = newStanding(&pace.Pace, int64(pace.Pace.Lanes), time.Now())
		}
		lines[i].Standing, lines[i].Waiting = &now, waiting[lines[i].ID]
	}
	return nil
}

// urgency orders lines of one health: as the list of providers does.
func (l deliveryLine) urgency() int {
	if l.Standing == nil {
		return 0
	}
	return providerLine{Standing: *l.Standing, Waiting: l.Waiting}.urgency()
}

func newDeliveryLine(l postgres.DeliveryLine, lines health.Thresholds) deliveryLine {
	hard := min(l.Hard, l.Counters.Bounced)
	bounces, complaints := lines.Bounces(hard, l.Counters.Delivered), lines.Complaints(l.Complaints, l.Counters.Delivered)
	line := deliveryLine{ID: l.ID, Name: l.Name, Provider: l.Provider, Counters: l.Counters, Hard: hard, Soft: l.Counters.Bounced - hard, Complaints: l.Complaints,
		Median: l.Median.Seconds(), P95: l.P95.Seconds(), Bounces: bounces.String(), Complaining: complaints.String(), level: health.Worst(bounces, complaints)}
	tried := l.Counters.Delivered + l.Counters.Bounced + l.Counters.Expired
	if tried > 0 && l.BeforeTried > 0 {
		change := 100 * (float64(l.Counters.Delivered)/float64(tried) - float64(l.Before)/float64(l.BeforeTried))
		line.Better, line.Worse = change >= 0.05, change <= -0.05
		line.Before = points(change)
	}
	return line
}

// points writes a change of percentages: +1.2, −0.4, ±0.
func points(change float64) string {
	switch {
	case change >= 0.05:
		return fmt.Sprintf("+%.1f", change)
	case change <= -0.05:
		return fmt.Sprintf("−%.1f", -change)
	}
	return "±0"
}

// took writes a length of time in seconds, briefly: < 1 s, 12 s, 4 min, 2.5 h.
func took(seconds float64) string {
	switch {
	case seconds < 1:
		return "< 1 s"
	case seconds < 99.5:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 99.5*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}
