package pacing

import (
	"fmt"

	"github.com/headwaymail/headway/pacing/reply"
)

// comeback is the way from a first careful rate back to an earlier one, in
// steps of ×1.3, each kept for a while. There is no searching on the way.
type comeback struct {
	To    float64 `json:"to"`    // messages per second; 0: not on the way
	Dwell float64 `json:"dwell"` // seconds per step
}

const (
	comebackStep = 1.3
	costly       = 60       // seconds of hold from which on a limit is searched no more
	costlyRest   = 40       // no search for so many times what the last hold cost …
	longestRest  = 6 * 3600 // … but a hold of a day must not end searching for a month
	suspectDelay = 60       // seconds to the first knock when it may be greylisting
	again        = 120      // seconds from block to block that are one trouble
	learnFrom    = 15       // seconds that a block must have lasted to tell a window
	guessLonger  = 5        // times the last run shall that take which tests a guess
)

// comeBack sets the rate after a hold of so many seconds by what the hold
// was, and says why.
func (t *turn) comeBack(took float64) string {
	r, h := &t.Rate, &t.Hold
	before := t.Episode.Before
	if before == 0 {
		before = r.R
	}
	base := max(r.Good, 0.3*before)
	if r.Good == 0 {
		base = 0.5 * before
	}
	silence := t.now.since(h.Refused)
	r.Gap, r.Step = 60, firstStep
	switch {
	case h.Manual:
		return t.stepBack(before, "")
	case h.Class == reply.ClassConcurrency || h.Class == reply.ClassConnRate:
		return t.stepBack(max(r.Good, 0.7*before), "openings were refused, messages never: ")
	case t.Recipients.Suspect:
		t.Recipients.Suspect = false
		r.Mode = starting
		r.set(t.now, max(t.Profile.start(), before), t.most())
		return "greylisting put everybody off"
	case (h.Class == reply.ClassOutage || h.Class == reply.ClassNetwork) && t.Episode.Early:
		// It says nothing about a limit: the doubling goes on.
		r.Mode, r.Hi, r.Empty = starting, 0, emptied{}
		r.set(t.now, max(t.Profile.start(), 0.5*before), t.most())
		return "they were down, not full: the start goes on at " + pace(r.R)
	case h.Class == reply.ClassOutage || h.Class == reply.ClassNetwork:
		return t.stepBack(max(r.Good, 0.7*before), "they were down, not full: ")
	}
	if h.flaps() {
		return t.backAtOnce(before)
	}
	h.Cost = 0
	if took >= costly {
		h.Cost = took
	}
	provokes := h.Class != reply.ClassReputation && took >= learnFrom
	if provokes && !h.Stray && took >= costly && t.has(Volumes) && t.Sliding.trusting() && t.learnVolume() {
		return fmt.Sprintf("both times it stopped after as many messages in %s: %s fits", widthName(t.Sliding.Width), pace(r.R))
	}
	if provokes && t.has(Windows) {
		if w := t.learnWindow(); w != nil {
			return t.backIntoWindow(w, base, before, took)
		}
	}
	if took > 20 {
		h.Worked = max(t.blockLasts(took, silence), 0.9*h.Worked)
	}
	switch {
	case provokes && !h.Stray && t.has(Windows) && t.Sliding.trusting() && t.learnSliding():
		h.Cost = 0
		return fmt.Sprintf("it counts over any %s: %s fits", widthName(t.Sliding.Width), pace(r.R))
	case h.Stray && h.Class != reply.ClassReputation:
		h.Cost = 0
		r.Hi, r.Empty, r.Gap, r.Step = 0, emptied{}, 20, 0.08
		t.Budget.atLeast(3)
		t.cruiseAt(0.7 * before)
		t.planClimb()
		return "our rate did not provoke it: back at " + pace(r.R)
	case took >= costly:
		return t.backCarefully(base, before)
	}
	r.Hi = before
	r.Mode, r.Rough, r.Step = climbing, true, roughStep
	r.From, r.Excess, r.Lo = 0, 0, 0.3*base
	next := 0.6 * base
	if h.Cycle > 0 && h.Period < again {
		// The run since the last block was short: what it brought is the measure.
		next = clamp(1.2*h.Cycle, 0.1*next, next)
		r.Lo = min(r.Lo, next)
	}
	r.set(t.now, next, t.most())
	return "searching on from " + pace(r.R)
}

// stepBack returns to a rate that nobody complained of.
func (t *turn) stepBack(to float64, because string) string {
	r := &t.Rate
	r.Hi, r.Gap, r.Empty = 0, shortGap, emptied{}
	t.Comeback = comeback{To: to, Dwell: 5}
	t.cruiseAt(0.5 * to)
	t.planClimb()
	return because + "back to " + pace(to) + " in steps of 5 s"
}

// backIntoWindow resumes with a clock window guessed or known. After a short
// block the search goes on inside the window.
func (t *turn) backIntoWindow(w *window, base, before, took float64) string {
	r := &t.Rate
	reason := fmt.Sprintf("%.0f messages per %s would explain it", w.Quota, widthName(w.Width))
	if took < costly {
		r.Hi, r.Mode, r.Rough, r.Step = before, climbing, true, roughStep
		r.From, r.Excess, r.Lo = 0, 0, 0.3*base
		r.set(t.now, 0.6*base, t.most())
		return reason
	}
	t.Windows.Saved, t.Windows.Cost = min(base, 0.95*before), took
	t.Hold.Cost = 0
	r.Hi, r.Gap, r.Empty = 0, 20, emptied{}
	t.Budget.atLeast(3)
	to := 0.6 * base
	if !w.Confirmed {
		// A run like the last would stop at the same count whatever is counted
		// over: only a longer one tells the window from a shorter.
		run := t.Hold.Since.since(t.Hold.Run)
		to = min(to, w.Quota/clamp(guessLonger*run, 60, 0.5*w.Width))
	}
	t.cruiseAt(to)
	t.planClimb()
	return reason
}

// backCarefully resumes after a costly block that nothing explains: low, up
// in long steps while it stays clean, and never again as far as it hurt.
func (t *turn) backCarefully(base, before float64) string {
	r, h := &t.Rate, &t.Hold
	run := max(5, h.Since.since(h.Run))
	lately := min(run, 400)
	ran := t.History.between(h.Since.plus(-lately), h.Since) / lately
	t.Comeback = comeback{To: 0.8 * before, Dwell: clamp(2*run, 60, 300)}
	lo := 0.5 * min(base, ran, before)
	if h.Cycle > 0 && h.Period > 120 {
		lo = max(lo, min(h.Cycle, t.Comeback.To))
	}
	r.Hi = before
	t.cruiseAt(lo)
	r.Good = r.R
	t.planClimb()
	return "such a block costs a lot: starting low at " + pace(r.R) + ", up to " + pace(t.Comeback.To)
}

// comeOn takes the next step back. It says whether the rate is on the way.
func (t *turn) comeOn(dt float64) bool {
	r, c := &t.Rate, &t.Comeback
	if c.To == 0 {
		return false
	}
	if dt >= c.Dwell && t.utilised(dt) {
		was := r.R
		r.Good = max(r.Good, r.R)
		t.cruiseAt(min(c.To, comebackStep*r.R))
		if r.R >= 0.999*c.To {
			c.To = 0
			t.planClimb()
		}
		t.decide(Faster, was, r.R, span(dt)+" at "+pace(was)+" went without a refusal: coming back")
	}
	return true
}
