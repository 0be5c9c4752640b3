package pacing

import (
	"fmt"
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// lanes is how many connections may be open at once.
//
// It is a limit of its own: a server that counts connections says nothing
// about the rate, and the rate stays as it is. The cap is what was open when
// one more was refused; one more is tried after a while, and longer after
// each failure.
type lanes struct {
	Cap   int     `json:"cap,omitzero"`   // never more; 0 unknown
	Most  int     `json:"most,omitzero"`  // most that ever were open
	Open  int     `json:"open,omitzero"`  // open when the last message was accepted
	Told  moment  `json:"told,omitzero"`  // when one more was last refused
	Next  moment  `json:"next,omitzero"`  // when one more may be tried
	Gap   float64 `json:"gap,omitzero"`   // seconds between such tries
	Given bool    `json:"given,omitzero"` // the cap comes from the profile, not from the provider
	Fails int     `json:"fails,omitzero"` // openings refused in a row with nothing open

	// Fresh is the most that were open at once lately, at Peak.
	Fresh int    `json:"fresh,omitzero"`
	Peak  moment `json:"peak,omitzero"`
}

const (
	laneGap        = 60
	laneGapLongest = 3600
	laneGapAgain   = 20  // after one more lane worked, the next may follow soon
	laneFresh      = 180 // seconds for which a number of lanes that was open counts as welcome
	laneGoing      = 1   // seconds for which a server may still count a lane that was closed
)

func newLanes(p Profile) lanes { return lanes{Cap: p.Lanes, Given: p.Lanes > 0, Gap: laneGap} }

// wanted is the number of lanes that the rate can feed: each carries one
// message per latency, a quarter is spare for uneven replies, one is opening.
func (s *State) wanted(r float64) int {
	return int(math.Ceil(r*s.Latency.Message*1.25)) + 1
}

// room is the number of lanes that may be open now.
func (s *State) room(now moment, r float64) int {
	want := min(s.wanted(r), s.Profile.maxLanes())
	if s.Less.Limit > 0 {
		want = min(want, s.Less.Limit)
	}
	if s.Lanes.Cap == 0 || want <= s.Lanes.Cap {
		return want
	}
	if now >= s.Lanes.Next && s.mayProvoke(1) {
		return s.Lanes.Cap + 1
	}
	return s.Lanes.Cap
}

// opened takes in that a lane opened well.
func (t *turn) opened(e Event) {
	l := &t.Lanes
	l.Fails = 0
	l.Most = max(l.Most, e.Lanes)
	l.seen(t.now, e.Lanes)
	t.Opening.worked()
	t.hostWorked(e.Host)
	if l.Cap > 0 && e.Lanes > l.Cap {
		was := l.Cap
		l.Cap, l.Gap, l.Next = e.Lanes, laneGap, t.now.plus(laneGapAgain)
		t.restLess()
		t.decide(Laned, float64(was), float64(l.Cap), fmt.Sprintf("one more lane was welcome: %d", l.Cap))
	}
}

// seen notes how many lanes were open at once.
func (l *lanes) seen(now moment, open int) {
	if open >= l.Fresh || now.since(l.Peak) > laneFresh {
		l.Fresh, l.Peak = open, now
	}
}

// tooSoon says whether an opening may have been refused because of a lane that had
// just been closed: as many as were welcome were open a moment before it began. If
// that was not the cause, the next opening is refused, too.
func (t *turn) tooSoon(e Event) bool {
	l := &t.Lanes
	return e.Kind == OpenRefused && e.Lanes < l.Fresh && e.launched().since(l.Peak) < laneGoing
}

// tooOften says whether a refused opening is about how often lanes are opened
// and not about how many: clearly more were open at once just now, and were
// welcome. Some servers have one text for both.
func (t *turn) tooOften(e Event) bool {
	l := &t.Lanes
	return e.Kind == OpenRefused && t.now.since(l.Peak) <= laneFresh && e.Lanes+2 <= l.Fresh
}

// crowded sets the cap to what was open when one more was refused.
func (t *turn) crowded(e Event) {
	l := &t.Lanes
	if e.launched() <= l.Told {
		return // it was under way when the first was refused
	}
	if t.tooSoon(e) {
		l.Told = t.call
		t.openingPause(laneGoing)
		t.say(Laned, float64(l.Fresh), float64(l.Fresh), e, fmt.Sprintf("said %s with %d lanes open, a moment after %d were: "+
			"one that was closed is counted still; no opening for %s", e.words(), e.Lanes, l.Fresh, span(laneGoing)))
		return
	}
	if t.tooOften(e) {
		t.openingsRefused(e)
		return
	}
	l.Told = t.call
	t.restLess()
	open := e.Lanes
	if e.Kind == Refused {
		open-- // the refused message's own lane is counted
	}
	open = max(1, open)
	was := l.Cap
	if was > 0 && open >= was && !l.Given {
		l.Gap = min(laneGapLongest, 2*l.Gap)
	} else if was == 0 || open < was {
		l.Cap = open
	}
	l.Given = false
	l.Next = t.now.plus(l.Gap)
	t.say(Laned, float64(was), float64(l.Cap), e, fmt.Sprintf("said %s with %d lanes open: no more than %d; one more is tried in %s",
		e.words(), open, l.Cap, span(l.Gap)))
}

// openRefused sorts a refused opening: by its words, else by how many lanes
// were open compared with what ever worked.
func (t *turn) openRefused(e Event) {
	if t.held() {
		if t.answersKnock(e) || t.knockDue(e.launched()) {
			t.Budget.spend(1)
			t.knockRefused(e)
		}
		return
	}
	class := e.Meaning.Class
	if (down(class) || class == reply.ClassUnknown || class == reply.ClassNone) && t.hostFailed(e.Host) {
		return
	}
	if class == reply.ClassUnknown || class == reply.ClassNone {
		switch {
		case e.Lanes > 0 && e.Lanes < t.Lanes.Most-1 && float64(e.Lanes) < 0.7*float64(t.Lanes.Most):
			class = reply.ClassConnRate
		case e.Lanes > 0:
			class = reply.ClassConcurrency
		default:
			class = reply.ClassOutage
		}
	}
	switch class {
	case reply.ClassConcurrency:
		t.Budget.spend(1)
		if e.Lanes > 0 || t.tooOften(e) {
			t.crowded(e)
			return
		}
		// Others are connected from this source, or it is not about lanes.
		t.Lanes.Cap, t.Lanes.Given = 1, false
		t.Lanes.Next = t.now.plus(t.Lanes.Gap)
		t.openingPause(5)
		t.unreachable(e)
	case reply.ClassConnRate:
		t.Budget.spend(1)
		t.openingsRefused(e)
	case reply.ClassOutage, reply.ClassNetwork:
		t.Budget.spend(1)
		if e.Lanes == 0 {
			t.openingPause(2)
			t.unreachable(e)
		}
	default:
		t.throttled(e)
	}
}

// unreachable counts refused openings with no lane open; the second in a row
// is a hold.
func (t *turn) unreachable(e Event) {
	t.Lanes.Fails++
	if t.Lanes.Fails < 2 || t.Episode.owns(e.launched()) {
		return
	}
	t.Lanes.Fails = 0
	early := t.Rate.Mode == starting
	t.Episode.begin(t.call, t.Rate.R, 0)
	if t.Episode.Strike == 1 {
		t.Episode.Early = early
	}
	t.hold(e)
}

// down says whether a class may mean that the host is down.
func down(c reply.Class) bool {
	switch c {
	case reply.ClassOutage, reply.ClassNetwork, reply.ClassUnknown, reply.ClassNone:
		return true
	}
	return false
}
