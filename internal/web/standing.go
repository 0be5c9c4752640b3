package web

import (
	"time"

	"github.com/headwaymail/headway/pacing"
)

// standing is how a provider takes our mail now, in a word and a sentence.
type standing struct {
	Key   string    `json:"state"` // normal, slowed, held, done, unknown
	Words string    `json:"words"`
	Why   string    `json:"why,omitempty"`  // the pacer's reason, the server's words in it, shortened
	Next  time.Time `json:"next,omitzero"`  // the next look for more, or the next try
	Pace  float64   `json:"pace"`           // messages per second that are allowed now
	Lanes int64     `json:"lanes"`          // connections that may be open
	Until time.Time `json:"until,omitzero"` // end of a hold or pause
}

// rank orders standings by how much they need attention.
func (s standing) rank() int {
	switch s.Key {
	case "held":
		return 0
	case "slowed":
		return 1
	case "normal":
		return 2
	}
	return 3
}

// Moving reports whether pace and lanes mean anything now.
func (s standing) Moving() bool { return s.Key != "done" && s.Key != "unknown" }

// newStanding puts a pace into words. waiting is the mail that it is for.
func newStanding(p *pacing.Pace, waiting int64, now time.Time) standing {
	if p == nil {
		return standing{Key: "unknown", Words: "Not tried yet"}
	}
	s := standing{Key: "normal", Words: "Normal", Why: sentence(p.Reason, p.Reply), Next: p.Next, Pace: p.Rate, Until: p.HoldUntil,
		Lanes: min(int64(p.Lanes), waiting)}
	switch p.Mode {
	case "hold", "knock":
		s.Key = "held"
		switch {
		case p.Mode == "knock" || !p.HoldUntil.After(now):
			s.Words = "Held: one message tries next"
		case p.Manual:
			s.Words = "Held by hand until " + moment(p.HoldUntil, now)
		default:
			s.Words = "Held until " + moment(p.HoldUntil, now)
		}
	case "pause":
		s.Key, s.Words = "slowed", "Slowed: pause until "+moment(p.HoldUntil, now)
	default:
		if p.Hi > 0 { // a limit was met and has not been passed since
			s.Key, s.Words = "slowed", "Slowed"
		}
	}
	return s
}
