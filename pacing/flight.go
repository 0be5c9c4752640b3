package pacing

import (
	"fmt"

	"github.com/headwaymail/headway/pacing/reply"
)

// flight is what was under way when the start was first refused.
//
// A limiter that is overrun refuses the larger part of what follows, for the
// start grows by half and more at each step. So the messages in flight at the
// first refusal, whose outcomes arrive during its pause, are a sample that
// costs nothing: if nearly all of them pass, it was no limit, and the start
// goes on as if nothing had happened. Once: a second refusal counts.
type flight struct {
	Since  moment  `json:"since,omitzero"` // launch of the refused message; 0: nothing to judge
	Passed float64 `json:"passed,omitzero"`
	Failed float64 `json:"failed,omitzero"`
	Back   rate    `json:"back,omitzero"` // the rate to go back to
	Spent  bool    `json:"spent,omitempty"`
}

const (
	flightLeast = 6    // messages that must have been in flight
	flightShare = 0.15 // of them refused, the first left out: more is a limit
)

// sample begins to watch what is in flight. It is called before the rate is
// lowered for the first refusal of a start.
func (t *turn) sample(e Event) {
	switch e.Meaning.Class {
	case reply.ClassRate, reply.ClassUnknown, reply.ClassNone, reply.ClassOutage, reply.ClassNetwork:
	default:
		return
	}
	if t.Rate.Mode == starting && e.Kind == Refused && e.Meaning.Hint == 0 && !t.Flight.Spent && t.has(Flight) {
		t.Flight = flight{Since: e.launched(), Back: t.Rate, Spent: true}
	}
}

// landed counts an outcome of what was in flight.
func (f *flight) landed(launched, until moment, passed bool, n float64) {
	switch {
	case f.Since == 0 || launched < f.Since || launched > until:
	case passed:
		f.Passed += n
	default:
		f.Failed += n
	}
}

// judgeFlight goes back to the start when the pause is over and what was in
// flight has passed.
func (t *turn) judgeFlight() {
	f := &t.Flight
	if f.Since == 0 || t.now < t.Episode.Until {
		return
	}
	all := f.Passed + f.Failed
	if all >= flightLeast && f.Failed <= flightShare*all && t.Episode.Strike <= 1 {
		was, empty := t.Rate.R, t.Rate.Empty
		t.Rate = f.Back
		t.Rate.Empty = empty
		t.Rate.set(t.now, t.Rate.R, t.most())
		t.decide(Faster, was, t.Rate.R, fmt.Sprintf("%.0f of the %.0f messages then in flight passed: no limit; going on at %s", f.Passed, all, pace(t.Rate.R)))
	}
	*f = flight{Spent: true}
}
