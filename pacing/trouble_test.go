package pacing

import (
	"testing"

	"github.com/headwaymail/headway/pacing/reply"
)

func TestALimitInTheWordsOfGreylisting(t *testing.T) {
	t.Parallel()
	s := running(t, 60)
	x := 60.0
	for range 40 {
		x++
		e := acceptance(x, 1)
		e.First = true
		s, _ = Step(s, []Event{e}, at(x))
	}
	for i := range 12 { // first attempts passed until now: this is no first contact
		e := refusal(x+2+float64(i)*3, reply.ClassGreylist, reply.ScopeRecipient)
		e.First, e.Phase = true, reply.PhaseRcpt
		s, _ = Step(s, []Event{e}, e.At)
	}
	if p := s.Pace(at(x+40), Demand{Waiting: 10}); p.Greylists || p.Mode != "hold" && p.Mode != "pause" && p.Mode != "knock" {
		t.Errorf("greylists %v, mode %s", p.Greylists, p.Mode)
	}
}

func TestTheirTroubleIsNotOurRate(t *testing.T) {
	t.Parallel()
	s := running(t, 60)
	before, x := s.Pace(at(60), Demand{}).Rate, 60.0
	trouble := func() Event { return refusal(x, reply.ClassOutage, reply.ScopeHost) }
	for range 10 { // one in eleven
		x += 5
		s, _ = Step(s, []Event{acceptance(x-1, 10), trouble()}, at(x))
	}
	if p := s.Pace(at(x), Demand{Waiting: 10}); p.Rate < before {
		t.Errorf("%.2f/s after %.2f/s: %s", p.Rate, before, p.Reason)
	}
	for range 8 { // nothing passes any more
		x++
		s, _ = Step(s, []Event{trouble()}, at(x))
	}
	if p := s.Pace(at(x), Demand{Waiting: 10}); p.Mode != "hold" && p.Mode != "knock" {
		t.Errorf("mode %s, want a hold", p.Mode)
	}
}

func TestOpeningsAreMeasuredNotLanes(t *testing.T) {
	t.Parallel()
	// Twelve lanes were welcome; then openings are refused with seven open, in
	// the words of too many connections.
	s := running(t, 60)
	open := func(x float64, lanes int) Event {
		return Event{Kind: Opened, At: at(x), Launched: at(x - 0.2), Lanes: lanes}
	}
	s, _ = Step(s, []Event{open(61, 12)}, at(61))
	e := refusal(70, reply.ClassConcurrency, reply.ScopeSource)
	e.Kind, e.Lanes = OpenRefused, 7
	s, _ = Step(s, []Event{e}, at(70))
	if p := s.Pace(at(70), Demand{Waiting: 1000}); p.OpenGap == 0 || s.Lanes.Cap != 0 {
		t.Errorf("gap %s, cap %d: %s", p.OpenGap, s.Lanes.Cap, p.Reason)
	}
}
