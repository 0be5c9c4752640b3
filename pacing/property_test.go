package pacing

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// anyEvent draws an event near a moment: late, early, of any class.
func anyEvent(t *rapid.T, now time.Time) Event {
	classes := []reply.Class{
		reply.ClassConcurrency, reply.ClassConnRate, reply.ClassRate, reply.ClassQuota, reply.ClassSession,
		reply.ClassRecipients, reply.ClassReputation, reply.ClassBlocklist, reply.ClassGreylist, reply.ClassMailbox,
		reply.ClassOutage, reply.ClassNetwork, reply.ClassAuth, reply.ClassDNS, reply.ClassContent, reply.ClassPolicy,
		reply.ClassUnknown,
	}
	age := rapid.Float64Range(-1, 30).Draw(t, "age")
	e := Event{
		Kind:  rapid.SampledFrom([]Kind{Accepted, Accepted, Refused, Opened, OpenRefused, Closed}).Draw(t, "kind"),
		At:    now.Add(-duration(age)),
		Lanes: rapid.IntRange(0, 20).Draw(t, "lanes"),
		Index: rapid.IntRange(0, 100).Draw(t, "index"),
		Count: rapid.IntRange(0, 50).Draw(t, "count"),
		Probe: rapid.Bool().Draw(t, "probe"),
		First: rapid.Bool().Draw(t, "first"),
		Host:  rapid.SampledFrom([]string{"", "mx1.test", "mx2.test"}).Draw(t, "host"),
		Phase: rapid.SampledFrom([]reply.Phase{reply.PhaseConnect, reply.PhaseMail, reply.PhaseRcpt, reply.PhaseDot}).Draw(t, "phase"),
	}
	e.Launched = e.At.Add(-duration(rapid.Float64Range(0, 10).Draw(t, "took")))
	if e.Kind == Refused || e.Kind == OpenRefused {
		e.Code = rapid.SampledFrom([]int{0, 421, 450, 451, 550}).Draw(t, "code")
		e.Severed = rapid.Bool().Draw(t, "severed")
		e.Meaning.Class = rapid.SampledFrom(classes).Draw(t, "class")
		e.Meaning.Scope = reply.ScopeSource
		if rapid.IntRange(0, 9).Draw(t, "hinted") == 0 {
			e.Meaning.Hint = time.Duration(rapid.IntRange(1, 7200).Draw(t, "hint")) * time.Second
		}
	}
	return e
}

// storm drives a state through anything that can happen.
func storm(t *rapid.T, check func(s State, now time.Time)) State {
	now := t0
	s := New(Profile{MaxRate: 50}, now)
	for range rapid.IntRange(1, 60).Draw(t, "turns") {
		now = now.Add(duration(rapid.Float64Range(0, 200).Draw(t, "pass")))
		var events []Event
		for range rapid.IntRange(0, 8).Draw(t, "events") {
			events = append(events, anyEvent(t, now))
		}
		s, _ = Step(s, events, now)
		s, _ = Take(s, rapid.IntRange(0, 100).Draw(t, "want"), now, time.Second)
		check(s, now)
	}
	return s
}

func TestAnyStormLeavesASaneState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		storm(t, func(s State, now time.Time) {
			p := s.Pace(now, Demand{Waiting: 1000, Open: 3})
			if p.Rate < 0 || p.Rate > 50 || p.Rate != p.Rate {
				t.Fatalf("rate is %v", p.Rate)
			}
			if p.Lanes < 0 || p.Lanes > 40 || p.PerLane < 1 {
				t.Fatalf("lanes %d, per lane %d", p.Lanes, p.PerLane)
			}
			data, err := json.Marshal(s)
			if err != nil || len(data) > 4096 {
				t.Fatalf("%d bytes of JSON, error %v", len(data), err)
			}
			var back State
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if back != s {
				t.Fatal("the state changed on its way through JSON")
			}
		})
	})
}

func TestAlwaysRecovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := t0
		s := storm(t, func(_ State, at time.Time) { now = at })
		// From here on everything is accepted. Half a day is enough for the
		// longest hold; then mail must flow at one a second and more.
		end := now.Add(36 * time.Hour)
		for now.Before(end) && (s.held() || s.Rate.R < 1) {
			now = now.Add(2 * time.Second)
			var block Block
			s, block = Take(s, 1000, now, 2*time.Second)
			var events []Event
			if block.N > 0 {
				events = append(events, Event{Kind: Accepted, At: now, Launched: block.First, Count: block.N, Probe: block.Probe})
			}
			s, _ = Step(s, events, now)
		}
		if s.held() || s.Rate.R < 1 {
			t.Fatalf("a day and a half after the last refusal: held %v, %.3f/s (%s), next look %s", s.held(), s.Rate.R, s.Rate.Mode, s.Rate.Next.Time())
		}
	})
}

func TestTakeNeverGrantsMoreThanTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := t0
		s := New(Profile{Start: rapid.Float64Range(0.01, 40).Draw(t, "rate"), MaxRate: 40}, now)
		r := s.Rate.R
		type grant struct {
			at time.Time // when it was given
			n  int
		}
		var grants []grant
		var held []Block
		const horizon = 0.75
		for range rapid.IntRange(1, 80).Draw(t, "turns") {
			now = now.Add(duration(rapid.Float64Range(0, 3).Draw(t, "pass")))
			if len(held) > 0 && rapid.IntRange(0, 4).Draw(t, "give back") == 0 {
				s = Return(s, held[0], now)
				grants = append(grants, grant{now, -held[0].N})
				held = held[1:]
				continue
			}
			var b Block
			s, b = Take(s, rapid.IntRange(1, 60).Draw(t, "want"), now, duration(horizon))
			if b.N > 0 {
				grants = append(grants, grant{now, b.N})
				held = append(held, b)
				for i := range b.N {
					if b.Slot(i).After(now.Add(duration(horizon + 1e-3))) {
						t.Fatalf("slot %d at %s lies beyond the horizon", i, b.Slot(i))
					}
				}
			}
		}
		for i := range grants {
			total := 0
			for _, g := range grants[i:] {
				total += g.n
				if g.n < 0 {
					break // credit for what was granted before this interval
				}
				most := burst(r) + r*(g.at.Sub(grants[i].at).Seconds()+horizon) + 1e-3
				if float64(total) > most+1 {
					t.Fatalf("%d permits in %s at %.2f/s, more than %.1f", total, g.at.Sub(grants[i].at), r, most)
				}
			}
		}
	})
}

func TestARecipientsTroubleNeverSlowsAProvider(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := New(Profile{MaxRate: 50}, t0)
		now := t0
		rate := s.Rate.R
		for range rapid.IntRange(1, 100).Draw(t, "turns") {
			now = now.Add(duration(rapid.Float64Range(0.1, 2).Draw(t, "pass")))
			class := rapid.SampledFrom([]reply.Class{reply.ClassGreylist, reply.ClassMailbox, reply.ClassDNS, reply.ClassRecipients}).Draw(t, "class")
			s, _ = Step(s, []Event{
				{Kind: Accepted, At: now, Launched: now, Count: 5},
				{Kind: Refused, At: now, Launched: now, Meaning: reply.Meaning{Class: class, Scope: reply.ScopeRecipient}},
			}, now)
			p := s.Pace(now, Demand{Waiting: 10})
			if p.Rate < rate || p.Mode == "hold" || p.Mode == "pause" {
				t.Fatalf("%s slowed the provider to %.2f (%s)", class, p.Rate, p.Mode)
			}
		}
	})
}

func TestNeverAboveACapByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(0.01, 20).Draw(t, "cap")
		now := t0
		s, _ := Cap(New(Profile{}, now), limit, "", now)
		for range 50 {
			now = now.Add(duration(rapid.Float64Range(0.1, 100).Draw(t, "pass")))
			s, _ = Step(s, []Event{{Kind: Accepted, At: now, Launched: now, Count: rapid.IntRange(0, 500).Draw(t, "n")}}, now)
			if p := s.Pace(now, Demand{}); p.Rate > limit {
				t.Fatalf("%.3f/s is above the cap of %.3f", p.Rate, limit)
			}
		}
	})
}
