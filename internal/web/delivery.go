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
	service.DeliveryLine
	Standing *standing `json:"standing,omitempty"` // of a provider, now
	Waiting  int64     `json:"waiting,omitempty"`
}

// Others are the final states that have no column of their own.
func (l deliveryLine) Others() int64 { return others(l.Counters) }

// CSV is the address of the report as a file. It is made here and whole: a query
// that a template puts behind a question mark is escaped as one value.
func (v deliveryView) CSV() string { return "/domains.csv?" + v.Query }

// JSON is the address of the report for programs.
func (v deliveryView) JSON() string { return "/domains.json?" + v.Query }

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
	view.trim()
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
		view.trim()
		fragment, err := s.draw("delivery", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

// trim leaves as many lines as a page shows.
func (v *deliveryView) trim() {
	v.Hidden = max(0, len(v.Lines)-deliveryLines)
	v.Lines = v.Lines[:len(v.Lines)-v.Hidden]
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
		view.Lines = append(view.Lines, deliveryLine{DeliveryLine: l})
		view.All = view.All.Add(l.Counters)
	}
	if !view.Domains {
		if err := s.standings(ctx, view.Lines); err != nil {
			return view, err
		}
	}
	view.Lines = needingAttentionFirst(view.Lines)
	return view, nil
}

// needingAttentionFirst orders lines: the least healthy first, then what is held or
// slowed, then the largest. Of tens of thousands of domains only what is compared is
// moved about.
func needingAttentionFirst(lines []deliveryLine) []deliveryLine {
	type place struct {
		health, urgency int
		targeted        int64
		at              int
	}
	order := make([]place, len(lines))
	for i, l := range lines {
		order[i] = place{int(l.health()), l.urgency(), l.Counters.Targeted, i}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.health, a.health), cmp.Compare(a.urgency, b.urgency), cmp.Compare(b.targeted, a.targeted), cmp.Compare(a.at, b.at))
	})
	sorted := make([]deliveryLine, len(lines))
	for i, p := range order {
		sorted[i] = lines[p.at]
	}
	return sorted
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

// health is the worse of the two.
func (l deliveryLine) health() health.Level { return health.Worst(l.Bounces, l.Complained) }

// urgency orders lines of one health: as the list of providers does.
func (l deliveryLine) urgency() int {
	if l.Standing == nil {
		return 0
	}
	return providerLine{Standing: *l.Standing, Waiting: l.Waiting}.urgency()
}

// leastTrend is the smallest change of percentages that a page shows.
const leastTrend = 0.05

// Change writes how the share that arrives has changed, in percent: +1.2, −0.4, ±0.
func (l deliveryLine) Change() string {
	switch {
	case l.Trend == nil:
		return ""
	case l.Better():
		return fmt.Sprintf("+%.1f", *l.Trend)
	case l.Worse():
		return fmt.Sprintf("−%.1f", -*l.Trend)
	}
	return "±0"
}

// Better and Worse report whether more or less of it arrives than in the span before.
func (l deliveryLine) Better() bool { return l.Trend != nil && *l.Trend >= leastTrend }

// Worse: see Better.
func (l deliveryLine) Worse() bool { return l.Trend != nil && *l.Trend <= -leastTrend }

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
