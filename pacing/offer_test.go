package pacing

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// TestIdleGapsAreNotTheLimit: whenever the sender stops, whether the state is
// looked at meanwhile or not, what is measured stays near the bucket's refill.
func TestIdleGapsAreNotTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(2, 40).Draw(t, "limit")
		size := limit * rapid.Float64Range(2, 10).Draw(t, "burst in seconds")
		const tick = 0.25
		s := New(Profile{MaxRate: 50}, t0)
		tokens, at := size, t0
		pause := func(seconds float64) {
			at = at.Add(duration(seconds))
			tokens = min(size, tokens+seconds*limit)
		}
		for range rapid.IntRange(1, 8).Draw(t, "runs") {
			for range int(rapid.Float64Range(5, 120).Draw(t, "run") / tick) {
				pause(tick)
				var block Block
				s, block = Take(s, 1000, at, 0)
				passed := min(block.N, int(tokens))
				tokens -= float64(passed)
				var events []Event
				if passed > 0 {
					events = append(events, Event{Kind: Accepted, At: at, Launched: at, Count: passed, Probe: block.Probe})
				}
				for range block.N - passed {
					events = append(events, Event{Kind: Refused, At: at, Launched: at, Code: 451, Phase: reply.PhaseDot, Probe: block.Probe,
						Meaning: reply.Meaning{Class: reply.ClassRate, Scope: reply.ScopeSource}})
				}
				var decisions []Decision
				s, decisions = Step(s, events, at)
				for _, d := range decisions {
					if d.Kind == Measured && s.Rate.Mode == steady && s.Rate.R < 0.9*limit {
						t.Fatalf("%.2f/s at a limit of %.2f/s: %s", s.Rate.R, limit, d.Reason)
					}
				}
			}
			gap := rapid.Float64Range(1, 300).Draw(t, "gap")
			if rapid.Bool().Draw(t, "looked at") {
				for left := gap; left > 0; left -= 0.5 {
					pause(min(left, 0.5))
					s, _ = Step(s, nil, at)
				}
			} else {
				pause(gap)
			}
		}
	})
}

// TestAStartStaysWhenItsSenderStalls: a slow epoch neither lowers the rate
// nor is worth a decision.
func TestAStartStaysWhenItsSenderStalls(t *testing.T) {
	t.Parallel()
	s := running(t, 6)
	was := s.Rate.R
	for x := 6.5; x < 60; x += 0.5 {
		var decisions []Decision
		s, decisions = Step(s, []Event{acceptance(x, 1)}, at(x))
		if len(decisions) > 0 {
			t.Fatalf("after %.1f s: %s", x, decisions[0].Reason)
		}
	}
	if s.Rate.R != was || s.Rate.Mode != starting {
		t.Errorf("the rate went from %.1f to %.1f (%s) while two a second were sent", was, s.Rate.R, s.Rate.Mode)
	}
	if wait := s.Pace(at(61).Add(time.Second), Demand{Waiting: 100}); wait.Mode != "start" {
		t.Errorf("mode is %s", wait.Mode)
	}
}
