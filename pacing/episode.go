package pacing

// episode is one burst of refusals.
//
// When a limiter closes, everything that was in flight is refused: that is
// one piece of news, not many. Whatever was launched before the pause of an
// episode is over belongs to it, refusals and acceptances alike: such an
// acceptance is no proof that the limiter is open again.
type episode struct {
	At     moment  `json:"at"`              // when it began
	Until  moment  `json:"until"`           // its pause; launches before this belong to it
	Clean  float64 `json:"clean"`           // accepted since, of messages launched after it
	Strike int     `json:"strike"`          // episodes in a row with nothing accepted between
	Quick  int     `json:"quick"`           // episodes in quick succession
	First  moment  `json:"first"`           // when the first of the row began
	Before float64 `json:"before"`          // the rate when the first of the row began
	Early  bool    `json:"early,omitempty"` // the rate was still doubling then: no limit was near
	Stray  bool    `json:"stray,omitempty"` // nothing of ours provoked it
}

// quickly is how soon a second episode counts as the same trouble going on.
const quickly = 20

func (e *episode) owns(launched moment) bool { return launched < e.Until }

// begin starts a new episode and returns how long to pause.
func (e *episode) begin(now moment, r, hint float64) float64 {
	if e.Clean == 0 && e.Strike > 0 {
		e.Strike++
	} else {
		e.Strike, e.First, e.Before = 1, now, r
	}
	if now.since(e.At) < quickly && e.At > 0 {
		e.Quick = min(e.Quick+1, 4)
	} else {
		e.Quick = 0
	}
	// One second for what is in flight, and the time of two messages so that
	// a slow limiter has something to give; longer while it keeps refusing.
	pause := 1 + 2/max(r, 0.5)
	for range e.Quick - 1 {
		pause *= 1.7
	}
	pause = max(pause, hint)
	e.At, e.Clean = now, 0
	e.Until = now.plus(pause)
	return pause
}
