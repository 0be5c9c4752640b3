package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// eventsView is what happened to all campaigns and providers, newest first.
type eventsView struct {
	At    time.Time
	Shows []deliveryLink
	Days  []eventDay
	Older string // where what was before stands; empty at the beginning
	Newer bool   // this is not the newest part
}

// eventDay are the events of a day.
type eventDay struct {
	Day   string
	Lines []eventLine
}

// eventLine is one event, of a campaign or of a provider.
type eventLine struct {
	feedLine
	Campaign     int64
	CampaignName string
}

// eventsRead is how many events of each kind are read for a page.
const eventsRead = 120

// eventShows are the parts of the feed that can be shown alone.
var eventShows = []struct{ value, words string }{{"", "Everything"}, {"campaigns", "Campaigns"}, {"pace", "Pace"}, {"trouble", "Trouble"}}

func (s *Server) showEvents(w http.ResponseWriter, r *http.Request) error {
	view, err := s.events(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	f := frame{Title: "What happened", Section: "events", Page: view}
	if !view.Newer {
		f.Live = "/events/live?" + url.Values{"show": {r.URL.Query().Get("show")}}.Encode()
	}
	return s.render(w, r, http.StatusOK, "events", f)
}

// eventsLive keeps the newest events on the page.
func (s *Server) eventsLive(w http.ResponseWriter, r *http.Request) error {
	query := url.Values{"show": {r.URL.Query().Get("show")}}
	return s.live(w, r, "events "+query.Get("show"), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.events(ctx, query)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("events", "live", view)
		return fragment, false, err
	})
}

// events reads a part of the feed. Two tables are read, each from a place of its
// own; what one of them may still have in between is left to the next part.
func (s *Server) events(ctx context.Context, query url.Values) (view eventsView, err error) {
	view.At = time.Now()
	show := query.Get("show")
	beforeEvent, beforePace, err := eventPlace(query)
	if err != nil {
		return view, err
	}
	view.Newer = query.Get("events") != ""
	for _, one := range eventShows {
		view.Shows = append(view.Shows, deliveryLink{one.words, "/events?" + url.Values{"show": {one.value}}.Encode(), one.value == show})
	}
	var events []postgres.AnyEvent
	var paces []postgres.PaceEvent
	if show != "pace" {
		if events, err = s.service.Store.AllEvents(ctx, beforeEvent, eventsRead); err != nil {
			return view, err
		}
	}
	if show != "campaigns" {
		if paces, err = s.service.Store.AllPaceEvents(ctx, beforePace, eventsRead); err != nil {
			return view, err
		}
	}
	var edge time.Time // what is older is not complete
	if n := len(events); n == eventsRead {
		edge = events[n-1].At
	}
	if n := len(paces); n == eventsRead && paces[n-1].At.After(edge) {
		edge = paces[n-1].At
	}
	events = slices.DeleteFunc(events, func(e postgres.AnyEvent) bool { return e.At.Before(edge) })
	paces = slices.DeleteFunc(paces, func(e postgres.PaceEvent) bool { return e.At.Before(edge) })
	if !edge.IsZero() {
		if n := len(events); n > 0 {
			beforeEvent = events[n-1].ID
		}
		if n := len(paces); n > 0 {
			beforePace = paces[n-1].ID
		}
		view.Older = "/events?" + url.Values{"show": {show}, "events": {strconv.FormatInt(beforeEvent, 10)}, "paces": {strconv.FormatInt(beforePace, 10)}}.Encode()
	}
	view.Days = eventDays(events, paces, show == "trouble")
	return view, nil
}

// eventPlace is where a part of the feed begins.
func eventPlace(query url.Values) (event, pace int64, err error) {
	event, pace = math.MaxInt64, math.MaxInt64
	if query.Get("events") == "" {
		return event, pace, nil
	}
	if event, err = idOf(query.Get("events")); err == nil {
		pace, err = idOf(query.Get("paces"))
	}
	return event, pace, err
}

// eventDays merges events, both newest first, into days. Of trouble alone, the
// rest is left out.
func eventDays(events []postgres.AnyEvent, paces []postgres.PaceEvent, trouble bool) []eventDay {
	var lines []eventLine
	for _, e := range events {
		lines = append(lines, eventLine{feedLine{At: e.At, Kind: e.Kind, Tone: campaignTone(e.Kind), Words: e.Words}, e.Campaign, e.Name})
	}
	for _, line := range paceLines(paces) {
		lines = append(lines, eventLine{feedLine: line})
	}
	if trouble {
		lines = slices.DeleteFunc(lines, func(l eventLine) bool { return l.Tone != "bad" })
	}
	slices.SortStableFunc(lines, func(a, b eventLine) int { return b.At.Compare(a.At) })
	var days []eventDay
	for _, line := range lines {
		day := line.At.UTC().Format("Monday 2 January 2006")
		if n := len(days); n == 0 || days[n-1].Day != day {
			days = append(days, eventDay{Day: day})
		}
		line.When = clock(line.At)
		last := &days[len(days)-1]
		last.Lines = append(last.Lines, line)
	}
	return days
}
