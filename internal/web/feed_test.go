package web

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// paceEvent is a change of pace some seconds after noon.
func paceEvent(second int, provider int64, name string, kind pacing.DecisionKind, was, now float64) postgres.PaceEvent {
	return postgres.PaceEvent{At: noon.Add(time.Duration(second) * time.Second), Provider: provider, Name: name,
		Kind: string(kind), Was: was, Now: now}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	refusal := paceEvent(50, 1, "Northmail", pacing.Measured, 60, 12)
	refusal.Reason, refusal.Reply = "said 421 4.7.0 slow down; measured 12/s", "421 4.7.0 slow down"
	hold := paceEvent(70, 2, "Postino", pacing.Held, 5, 0)
	hold.Until = new(noon.Add(10 * time.Minute))
	events := []postgres.CampaignEvent{
		{At: noon.Add(60 * time.Second), Kind: "warning", Words: "6 % bounced."},
		{At: noon.Add(-26 * time.Hour), Kind: "launched", Words: "Launched."},
	}
	paces := []postgres.PaceEvent{ // newest first
		hold, refusal,
		paceEvent(40, 1, "Northmail", pacing.Faster, 30, 60),
		paceEvent(35, 2, "Postino", pacing.Started, 0, 2),
		paceEvent(30, 1, "Northmail", pacing.Faster, 15, 30),
		paceEvent(20, 1, "Northmail", pacing.Started, 0, 15),
	}
	var got []string
	for _, l := range newFeed(events, paces, noon.Add(time.Hour)) {
		got = append(got, l.When+" "+l.Tone+": "+l.Name+" "+l.Words)
	}
	want := []string{
		"12:01:10 bad: Postino takes nothing now: held until 12:10:00",
		"12:01:00 bad:  6 % bounced.",
		"12:00:50 bad: Northmail asked us to slow down: 60/s → 12/s",
		"12:00:40 good: Northmail went faster in 2 steps: 15/s → 60/s",
		"12:00:35 calm: Postino gets its first messages, at 2.0/s",
		"12:00:20 calm: Northmail gets its first messages, at 15/s",
		"20 Nov 10:00 good:  Launched.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// However much the pace changes, what happened to the campaign stays.
func TestFeedKeepsTheCampaignsEvents(t *testing.T) {
	t.Parallel()
	var paces []postgres.PaceEvent
	for i := range 500 {
		paces = append(paces, paceEvent(1000-i, int64(i%7), "P", pacing.Slower, 10, 5))
	}
	lines := newFeed([]postgres.CampaignEvent{{At: noon, Kind: "launched", Words: "Launched."}}, paces, noon)
	if len(lines) != feedLength || lines[len(lines)-1].Words != "Launched." {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1].Words)
	}
}

var number = regexp.MustCompile(`-?[0-9.]+|NaN|Inf`)

// Whatever the history, the chart stays in its box.
func TestChartStaysInItsBox(t *testing.T) {
	t.Parallel()
	kinds := []pacing.DecisionKind{pacing.Started, pacing.Faster, pacing.Slower, pacing.Measured, pacing.Held, pacing.Released,
		pacing.Laned, pacing.Overruled, pacing.Knocked}
	rapid.Check(t, func(t *rapid.T) {
		var events []postgres.PaceEvent
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			events = append(events, paceEvent(rapid.IntRange(-9000, 9000).Draw(t, "second"), 1, "P",
				rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.Float64().Draw(t, "was"), rapid.Float64().Draw(t, "now")))
		}
		slices.SortFunc(events, func(a, b postgres.PaceEvent) int { return b.At.Compare(a.At) })
		lines := toldEvents(events, noon.Add(time.Hour))
		c := newChart(events, lines, noon.Add(time.Hour))
		texts := []string{c.Line, c.Area}
		for _, h := range c.Holds {
			texts = append(texts, h.X+" "+h.W)
		}
		for _, m := range c.Marks {
			texts = append(texts, m.X, m.From)
		}
		for _, n := range c.Numbers {
			texts = append(texts, n.X)
		}
		for _, text := range texts {
			for _, found := range number.FindAllString(text, -1) {
				if v, err := strconv.ParseFloat(found, 64); err != nil || !(v >= 0 && v <= chartWide) {
					t.Fatalf("%s in %s", found, text)
				}
			}
		}
	})
}

func TestChart(t *testing.T) {
	t.Parallel()
	events := []postgres.PaceEvent{ // newest first
		paceEvent(80, 1, "P", pacing.Released, 0, 5),
		paceEvent(60, 1, "P", pacing.Held, 10, 0),
		paceEvent(50, 1, "P", pacing.Laned, 4, 2), // lanes are no rate
		paceEvent(40, 1, "P", pacing.Measured, 20, 10),
		paceEvent(20, 1, "P", pacing.Faster, 10, 20),
		paceEvent(0, 1, "P", pacing.Started, 0, 10),
	}
	c := newChart(events, toldEvents(events, noon), noon.Add(100*time.Second))
	want := chart{
		Line:  "M0 100.0H0.0V100.0H200.0V0.0H400.0V100.0H600.0V200.0H800.0V150.0H1000.0",
		Area:  "M0 100.0H0.0V100.0H200.0V0.0H400.0V100.0H600.0V200.0H800.0V150.0H1000.0V200.0H0Z",
		Holds: []span{{"600.0", "200.0"}}, Marks: []mark{
			{"200.0", "180.0", "faster", "12:00:20: Went faster: 10/s → 20/s"},
			{"400.0", "0", "slowed", "12:00:40: Asked us to slow down: 20/s → 10/s"},
			{"600.0", "0", "slowed", "12:01:00: Takes nothing now: held"},
			{"800.0", "180.0", "faster", "12:01:20: Takes mail again, at 5.0/s"}},
		Numbers: []label{{"20.0", "14", 1, "faster"}, {"40.0", "14", 2, "slowed"}, {"60.0", "14", 3, "slowed"}, {"80.0", "14", 4, "faster"}},
		Top:     "20/s", Half: "10/s", From: "12:00:00", Upto: "12:01:40",
		Label: "Rate since 12:00:00 UTC, up to 20/s; slowed 1 time, held 1 time, now 5.0/s.",
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestLanedWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		was, now float64
		reason   string
		want     string
	}{
		{0, 0, "host mx1.a.test fails while others work", "is mailed at its other hosts for a while"},
		{0, 4, "said 421 with 4 lanes open: no more than 4", "takes no more than 4 lanes"},
		{4, 1, "said 421 with 1 lane open", "keeps other lanes: 4 → 1"},
		{3, 3, "said 421 with 3 lanes open", "keeps to 3 lanes"},
		{0, 20, "said 421 at message 20 of a lane: 20 messages per lane from now on", "takes no more than 20 messages over one connection"},
	} {
		if got := lanedWords(postgres.PaceEvent{Was: tt.was, Now: tt.now, Reason: tt.reason}); got != tt.want {
			t.Errorf("%g to %g: %q, want %q", tt.was, tt.now, got, tt.want)
		}
	}
}
