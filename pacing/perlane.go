package pacing

import "fmt"

// perLane is how many messages one lane may carry.
//
// Some servers close a lane after a fixed number, with or without a word. The
// index at which that happens is the limit; the answer is a new lane, never a
// slower rate.
type perLane struct {
	Cap int `json:"cap,omitzero"` // messages; 0 unknown
}

// allowed is the number of messages that a lane may carry.
func (p perLane) allowed(given int) int {
	if p.Cap > 0 {
		return p.Cap
	}
	return given
}

// laneEnded learns from a refusal that ended the lane for its length.
func (t *turn) laneEnded(e Event) {
	if e.Index < 2 || t.PerLane.Cap > 0 && e.Index-1 >= t.PerLane.Cap {
		return
	}
	was := t.PerLane.allowed(t.Profile.perLane())
	t.PerLane.Cap = e.Index - 1
	t.say(Laned, float64(was), float64(t.PerLane.Cap), e, fmt.Sprintf("said %s at message %d of a lane: %d messages per lane from now on",
		e.words(), e.Index, t.PerLane.Cap))
}
