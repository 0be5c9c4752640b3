package pacing

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// hand is what an operator decided.
type hand struct {
	Cap  float64 `json:"cap,omitzero"` // messages per second; 0 none
	Note string  `json:"note,omitzero"`
}

// Hold stops a provider by hand. Nothing is sent before until; then one
// message knocks, as after any hold.
func Hold(s State, until time.Time, note string, now time.Time) (State, []Decision) {
	var decisions []Decision
	t := begin(&s, now, &decisions)
	was := t.Rate.R
	t.Episode.First, t.Episode.Before = t.now, was
	t.Hold.Since, t.Hold.Manual, t.Hold.Class = t.now, true, reply.ClassNone
	t.Hold.Cause = shorten(note, 320)
	t.Hold.Next, t.Hold.Asked, t.Hold.Refused, t.Hold.Knocks = momentOf(until), 0, t.now, 0
	t.Hold.Delay = firstDelay(reply.ClassNone)
	t.Version++
	t.decide(Held, was, 0, withNote("held by hand until "+clock(t.Hold.Next), note))
	return s, decisions
}

// Release ends a hold by hand: the provider comes back as if a knock had
// passed now. Without a hold it ends the pause of a refusal.
func Release(s State, note string, now time.Time) (State, []Decision) {
	var decisions []Decision
	t := begin(&s, now, &decisions)
	if !t.held() {
		t.Episode.Until = min(t.Episode.Until, t.now)
		t.decide(Overruled, t.Rate.R, t.Rate.R, withNote("resumed by hand", note))
		return s, decisions
	}
	t.release(Event{At: now})
	t.decide(Released, 0, t.Rate.R, withNote("released by hand at "+pace(t.Rate.R), note))
	return s, decisions
}

// Cap sets a rate in messages per second that is never exceeded; 0 removes it.
func Cap(s State, perSecond float64, note string, now time.Time) (State, []Decision) {
	var decisions []Decision
	t := begin(&s, now, &decisions)
	was := t.allowed()
	t.Hand = hand{Cap: max(perSecond, 0), Note: shorten(note, 200)}
	t.Rate.Since, t.Rate.Sent = t.now, 0
	t.Version++
	reason := "capped by hand at " + pace(perSecond)
	if perSecond <= 0 {
		reason = "cap removed by hand"
	}
	t.decide(Overruled, was, t.allowed(), withNote(reason, note))
	return s, decisions
}

// Reset forgets everything that was learned, holds and caps included.
func Reset(s State, note string, now time.Time) (State, []Decision) {
	fresh := New(s.Profile, now)
	fresh.Version = s.Version + 1
	fresh.Total, fresh.History = s.Total, s.History
	var decisions []Decision
	t := begin(&fresh, now, &decisions)
	t.decide(Overruled, s.Rate.R, fresh.Rate.R, withNote("everything learned was forgotten by hand: starting at "+pace(fresh.Rate.R), note))
	return fresh, decisions
}

func withNote(reason, note string) string {
	if note == "" {
		return reason
	}
	return reason + " (" + note + ")"
}
