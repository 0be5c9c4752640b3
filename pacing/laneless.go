package pacing

import (
	"fmt"
	"math"
)

// Some servers answer the slower the more lanes are open: a tarpit. There,
// fewer lanes bring as much or more. When the lanes are the limit, and not
// the rate, one lane less is tried for a while now and then; if as much is
// accepted, it stays away, and the next one is tried.
type lanesLess struct {
	Since moment  `json:"since,omitzero"` // the trial under way began; 0: none
	Was   float64 `json:"was,omitzero"`   // accepted per second before it
	Limit int     `json:"limit,omitzero"` // lanes in force; 0 none
	Kept  int     `json:"kept,omitzero"`  // the least number that brought as much; 0 none
	Found moment  `json:"found,omitzero"` // when that was found
	Next  moment  `json:"next,omitzero"`  // the next trial
	Gap   float64 `json:"gap,omitzero"`   // seconds between trials
}

const (
	lessSettle = 10 // seconds for the lanes to close and replies to speed up
	lessFor    = 30 // seconds that are compared
	lessGap    = 600
	lessMost   = 3600
	lessForget = 6 * 3600 // seconds after which it is found out again
	lessKeeps  = 0.99     // of what was accepted must still be
)

// tryLess runs the trials of one lane less. It is called now and then while
// the rate is steady or starting.
func (t *turn) tryLess() {
	l := &t.Less
	if !t.has(LaneLess) {
		return
	}
	if l.Since != 0 {
		t.judgeLess()
		return
	}
	if l.Kept > 0 && t.now.since(l.Found) > lessForget {
		l.Kept, l.Limit = 0, 0 // the server may have changed: find out again
	}
	open := t.Lanes.Open
	if t.now < l.Next || open < 3 || open < t.room(t.now, t.allowed()) || t.Recipients.Greylists {
		return
	}
	got := t.History.between(t.now.plus(-lessFor), t.now) / lessFor
	before := t.History.between(t.now.plus(-2*lessFor), t.now.plus(-lessFor)) / lessFor
	if t.now.since(t.Hold.Run) < 2*lessFor || t.now.since(t.Episode.Until) < lessFor ||
		math.Abs(got-before) > 0.05*got || got > used*t.allowed() || got*t.Latency.Message < 0.75*float64(open) {
		l.Next = t.now.plus(lessSettle) // not even, or lanes are not the limit
		return
	}
	l.Since, l.Limit, l.Was = t.now, open-1, got
	t.decide(Laned, float64(open), float64(l.Limit), fmt.Sprintf("some servers answer sooner with fewer lanes: trying %d for %s",
		l.Limit, span(lessSettle+lessFor)))
}

func (t *turn) judgeLess() {
	l := &t.Less
	if t.now.since(l.Since) < lessSettle+lessFor {
		return
	}
	got := t.History.between(t.now.plus(-lessFor), t.now) / lessFor
	l.Since = 0
	if got >= lessKeeps*l.Was {
		l.Kept, l.Found = l.Limit, t.now
		l.Next, l.Gap = t.now.plus(lessFor), lessGap
		t.decide(Laned, float64(l.Limit+1), float64(l.Limit), fmt.Sprintf("%d lanes bring as much as %d: %s", l.Limit, l.Limit+1, pace(got)))
		return
	}
	t.decide(Laned, float64(l.Limit), float64(l.Limit+1), fmt.Sprintf("%d lanes brought %s, one more %s", l.Limit, pace(got), pace(l.Was)))
	l.Limit = l.Kept
	l.Gap = clamp(2*l.Gap, lessGap, lessMost)
	l.Next = t.now.plus(l.Gap)
}

// restLess puts trials off until the number of lanes has been the same for
// long enough to compare.
func (t *turn) restLess() {
	t.Less.Next = max(t.Less.Next, t.now.plus(2*lessFor+lessSettle))
}
