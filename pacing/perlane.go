package pacing

import "fmt"

// perLane is how many messages one lane may carry.
//
// Some servers close a lane after a fixed number, with or without a word. The
// index at which that happens is the limit; the answer is a new lane, never a
// slower rate.
type perLane struct {
	Cap int `json:"cap,omitzero"` // messages; 0 unknown

	// Ends counts unexplained refusals that ended a lane, by index; All
	// counts all of them.
	Ends [6]laneEnd `json:"ends,omitzero"`
	All  int        `json:"all,omitzero"`
}

type laneEnd struct {
	Index int `json:"index"`
	Times int `json:"times"`
}

// severed notes that a refusal ended a lane at an index, and says whether
// lanes keep ending there: twice, and most of the time.
func (p *perLane) severed(index int) bool {
	p.All++
	least := &p.Ends[0]
	for i := range p.Ends {
		end := &p.Ends[i]
		if end.Index == index {
			end.Times++
			return end.Times >= 2 && float64(end.Times) >= 0.6*float64(p.All)
		}
		if end.Times < least.Times {
			least = end
		}
	}
	*least = laneEnd{Index: index, Times: 1}
	return false
}

// Allowed is the number of messages that a lane may carry.
func (p perLane) Allowed(given int) int {
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
	was := t.PerLane.Allowed(t.Profile.perLane())
	t.PerLane.Cap = e.Index - 1
	t.say(Laned, float64(was), float64(t.PerLane.Cap), e, fmt.Sprintf("said %s at message %d of a lane: %d messages per lane from now on",
		e.words(), e.Index, t.PerLane.Cap))
}
