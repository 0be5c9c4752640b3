package pacing

import (
	"fmt"
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// hold is a pause during which single messages knock at the door.
//
// A hold begins when two episodes in a row let nothing pass, when the server
// names a time to come back, or when its words leave no other choice. Exactly
// one message at a time, sent under a half-open permit, tells whether it is
// over: its outcome alone ends or prolongs the hold. What was launched before
// the hold and accepted late says nothing: a sender that believed it climbed
// three times straight into a penalty box that doubled.
type hold struct {
	Since   moment      `json:"since,omitzero"`   // when the provider stopped taking mail; 0: no hold
	Class   reply.Class `json:"class,omitzero"`   // what it meant
	Cause   string      `json:"cause,omitzero"`   // what the server said, or the operator's note
	Manual  bool        `json:"manual,omitzero"`  // held by hand: no knocking before Next
	Delay   float64     `json:"delay,omitzero"`   // seconds between the last knock and the next
	Hint    float64     `json:"hint,omitzero"`    // seconds that the server asked for at last; 0: it named no time
	Next    moment      `json:"next,omitzero"`    // the next knock
	Asked   moment      `json:"asked,omitzero"`   // when the half-open permit was given out; 0: it is free
	Refused moment      `json:"refused,omitzero"` // the last refusal inside the hold
	Knocks  int         `json:"knocks,omitzero"`  // refused so far
	Counted bool        `json:"counted,omitzero"` // the volumes before it were noted

	// Memory over holds.
	Worked float64 `json:"worked,omitzero"` // silence after which a knock passed, seconds
	Ended  moment  `json:"ended,omitzero"`  // when the last hold ended
	Run    moment  `json:"run,omitzero"`    // first acceptance since then
	Cost   float64 `json:"cost,omitzero"`   // seconds lost by the last hold, if that was costly
	Took   float64 `json:"took,omitzero"`   // seconds that the last hold took
	Stray  bool    `json:"stray,omitempty"` // nothing of ours provoked it

	Flap flap `json:"flap,omitzero"`

	// Cycle is the mean rate from the beginning of the block before to this
	// one's: what the provider grants in the long run if both were its limit.
	Cycle     float64 `json:"cycle,omitzero"`
	Period    float64 `json:"period,omitzero"` // seconds from that beginning to this
	Last      moment  `json:"last,omitzero"`
	LastTotal float64 `json:"last_total,omitzero"`
}

const (
	// longHint is the shortest request to wait that is a hold and not a
	// pause. A sender that took a long hint for a pause climbed into a
	// doubling penalty box.
	longHint = 15

	// permitLife is how long a half-open permit is waited for. It is longer
	// than one SMTP transaction may take; the node that had it may be dead.
	permitLife = 120

	// knockTolerance allows for clocks of nodes that differ a little.
	knockTolerance = 1
)

// held says whether the provider is in a hold.
func (s *State) held() bool { return s.Hold.Since != 0 }

// holdsAtOnce says which classes need no second refusal.
func holdsAtOnce(c reply.Class) bool {
	return c == reply.ClassBlocklist || c == reply.ClassAuth
}

// answersKnock says whether an event is the outcome of the message that knocks.
func (t *turn) answersKnock(e Event) bool {
	return e.Probe && t.Hold.Asked != 0 && e.launched() >= t.Hold.Asked.plus(-knockTolerance)
}

// hold stops the provider and plans the first knock.
func (t *turn) hold(e Event) {
	h := &t.Hold
	was := t.Rate.R
	h.Since = t.Episode.First
	if h.Since == 0 || t.now.since(h.Since) > 120 {
		h.Since = t.now
	}
	t.cycle()
	h.Class, h.Cause, h.Manual = e.Meaning.Class, shorten(e.words(), 320), false
	t.flapped()
	h.Delay = max(firstDelay(h.Class), h.Worked)
	if h.flaps() {
		h.Delay = firstDelay(h.Class)
	}
	if t.Recipients.Suspect {
		h.Delay = max(h.Delay, suspectDelay)
	}
	h.Refused, h.Asked, h.Knocks, h.Stray, h.Counted = t.now, 0, 0, t.Episode.Stray, false
	t.planKnock(e)
	t.Version++
	t.say(Held, was, 0, e, fmt.Sprintf("said %s%s; one message knocks at %s",
		e.words(), t.why(e), clock(h.Next)))
}

func (t *turn) why(e Event) string {
	switch {
	case e.Meaning.Hint.Seconds() >= longHint:
		return ", which asks for " + span(e.Meaning.Hint.Seconds())
	case t.Episode.Strike >= 2:
		return ", and nothing passed in between"
	}
	return ""
}

// knockRefused prolongs the hold.
func (t *turn) knockRefused(e Event) {
	h := &t.Hold
	t.countVolumes()
	h.Asked = 0
	h.Refused = t.now
	h.Knocks++
	most, growth := longestDelay(h.Class, t.now.since(h.Since))
	h.Delay = min(most, h.Delay*growth)
	t.planKnock(e)
	t.say(Knocked, 0, 0, e, fmt.Sprintf("still refused after %s: said %s; one message knocks at %s",
		span(t.now.since(h.Since)), e.words(), clock(h.Next)))
}

// planKnock sets the next knock: when the server says, else at the end of the
// delay, moved to the roundest boundary near.
func (t *turn) planKnock(e Event) {
	h := &t.Hold
	h.Hint = e.Meaning.Hint.Seconds()
	if hint := h.Hint; hint > 0 {
		h.Delay = hint
		h.Next = t.now.plus(hint + t.jitter(0.5, 1.5))
		return
	}
	h.Next = t.knockTime()
}

// knockAgain frees the half-open permit when its message told nothing about
// the hold: its content or its recipient was refused. Another may knock.
func (t *turn) knockAgain(e Event) {
	if t.held() && t.answersKnock(e) {
		t.Hold.Asked = 0
		t.Hold.Next = t.now.plus(t.jitter(1, 2))
	}
}

// knockDue says whether one message may knock now. A permit whose outcome
// never came is given out again.
func (s *State) knockDue(now moment) bool {
	return s.held() && now >= s.Hold.Next &&
		(s.Hold.Asked == 0 || now.since(s.Hold.Asked) > permitLife)
}

// release ends the hold and sets the rate to come back at.
func (t *turn) release(e Event) {
	h := &t.Hold
	took := t.now.since(h.Since)
	t.countVolumes()
	reason := t.comeBack(took)
	h.Ended, h.Run, h.Took = t.now, t.now, took
	h.Flap.From = t.Total
	h.Since, h.Asked, h.Knocks, h.Manual, h.Cause = 0, 0, 0, false, ""
	t.Episode.Strike, t.Episode.Clean, t.Episode.Until = 0, 1, e.launched()
	t.Permits.Next = t.now
	t.say(Released, 0, t.Rate.R, Event{}, fmt.Sprintf("a message passed after %s; %s", span(took), reason))
}

// names says whether the time that the server asked for is the width of a window of
// an hour or more: then the wait was longer than to the window's end, and tells
// nothing against it. Who asks for minutes means a penalty.
func (h *hold) names(width float64) bool {
	return width >= 3600 && math.Abs(h.Hint-width) < 0.02*width
}

// rest is how long not to search after a costly hold, in seconds.
func (h *hold) rest() float64 { return min(costlyRest*h.Cost, longestRest) }

// cycle works out what the provider granted from one block to the next.
func (t *turn) cycle() {
	h := &t.Hold
	h.Cycle = 0
	if dt := h.Since.since(h.Last); h.Last != 0 && dt > 5 && dt < 7200 {
		h.Period = dt
		h.Cycle = (t.Total - h.LastTotal) / dt
	}
	h.Last, h.LastTotal = h.Since, t.Total
}

// unprovoked says whether the refusals that begin now cannot be about our
// rate: it was carried for long and is not above what it was.
func (t *turn) unprovoked() bool {
	h := &t.Hold
	if h.Ended != 0 && t.now.since(h.Ended) <= 3600 || h.Run == 0 || t.now.since(h.Run) <= 600 {
		return false
	}
	best := 0.0
	for ago := 60.0; ago <= 600; ago += 15 {
		best = max(best, t.minute(t.now, ago))
	}
	return t.minute(t.now, 0) <= 1.1*best
}
