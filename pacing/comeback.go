package pacing

import (
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
	costly       = 60 // seconds of hold from which on a limit is searched no more
)

// comeBack sets the rate after a hold of so many seconds, and says why.
func (t *turn) comeBack(took float64) string {
	r := &t.Rate
	before := t.Episode.Before
	if before == 0 {
		before = r.R
	}
	base := max(r.Good, 0.3*before)
	if r.Good == 0 {
		base = 0.5 * before
	}
	r.Gap, r.Step, r.Rough = 60, firstStep, false
	switch {
	case t.Hold.Manual:
		r.Empty = emptied{}
		t.Comeback = comeback{To: before, Dwell: 5}
		t.cruiseAt(0.5 * before)
		t.planClimb()
		return "back to " + pace(before) + " in steps of 5 s"
	case t.Hold.Class == reply.ClassOutage || t.Hold.Class == reply.ClassNetwork:
		to := max(r.Good, 0.7*before)
		r.Hi, r.Gap, r.Empty = 0, shortGap, emptied{}
		t.Comeback = comeback{To: to, Dwell: 5}
		t.cruiseAt(0.5 * to)
		t.planClimb()
		return "they were down, not full: back to " + pace(to) + " in steps of 5 s"
	case took >= costly:
		run := clamp(t.Hold.Since.since(t.Hold.Run), 5, 400)
		ran := t.History.between(t.Hold.Since.plus(-run), t.Hold.Since) / run
		t.Comeback = comeback{To: 0.8 * before, Dwell: clamp(2*run, 60, 300)}
		r.Hi = before
		t.cruiseAt(0.5 * min(base, ran, before))
		r.Good = r.R
		t.planClimb()
		return "such a block costs a lot: starting low at " + pace(r.R) + ", up to " + pace(0.8*before)
	default:
		r.Hi = before
		r.Mode, r.Rough, r.Step = climbing, true, roughStep
		r.From, r.Excess, r.Lo = 0, 0, 0.3*base
		t.Comeback = comeback{}
		r.set(t.now, 0.6*base, t.most())
		return "searching on from " + pace(r.R)
	}
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
