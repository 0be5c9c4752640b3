package pacing

import (
	"fmt"
	"strconv"
	"time"
)

// DecisionKind says what was decided.
type DecisionKind string

// The kinds of decisions.
const (
	Started   DecisionKind = "start"    // the first rate
	Faster    DecisionKind = "faster"   // the rate was raised
	Slower    DecisionKind = "slower"   // the rate was lowered by a guess
	Measured  DecisionKind = "measured" // the rate was set to what was measured between two refusals
	Held      DecisionKind = "hold"     // nothing is sent until a time
	Knocked   DecisionKind = "knock"    // one message was tried during a hold, and refused
	Released  DecisionKind = "release"  // a hold ended
	Laned     DecisionKind = "lanes"    // the lane cap, messages per lane or opening gap changed
	Warmed    DecisionKind = "warm-up"  // the day's ceiling changed; Was and Now are messages a day
	Overruled DecisionKind = "operator" // somebody decided by hand
)

// Decision is one change of pace and its reason, for logs, charts and pages.
type Decision struct {
	At   time.Time
	Kind DecisionKind

	// Was and Now are messages per second; for [Laned], lanes, messages per
	// lane or seconds between openings, as Reason says.
	Was, Now float64

	// Reason says in plain words what was seen and what follows.
	Reason string

	// Reply is what the server said, verbatim; empty when nothing was said.
	Reply string

	// Until is when a hold is looked at next, or the next planned probe.
	Until time.Time
}

// pace writes messages per second so that a person can read them: 12, 1.4,
// 0.04 or, when slower, per minute or hour.
func pace(r float64) string {
	switch {
	case r >= 10:
		return strconv.FormatFloat(r, 'f', 0, 64) + "/s"
	case r >= 0.2:
		return strconv.FormatFloat(r, 'f', 1, 64) + "/s"
	case r >= 0.2/60:
		return strconv.FormatFloat(r*60, 'f', 1, 64) + " a minute"
	default:
		return strconv.FormatFloat(r*3600, 'f', 1, 64) + " an hour"
	}
}

// span writes seconds as 4 s, 12 min or 3 h 20 min.
func span(seconds float64) string {
	switch d := duration(seconds).Round(time.Second); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// clock writes a moment as the time of day in UTC, to the second.
func clock(m moment) string { return m.Time().Format("15:04:05") }
