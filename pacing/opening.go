package pacing

import "fmt"

// opening is how often lanes may be opened.
//
// Servers that count connections per minute want fewer, longer lanes: the
// least gap between two openings is measured as rates are, between two
// refusals; where too few went well in between, it grows by half. It fades
// slowly while openings go well.
type opening struct {
	Gap  float64 `json:"gap,omitzero"`  // seconds
	Next moment  `json:"next,omitzero"` // no opening before

	Wait float64 `json:"wait,omitzero"` // seconds of pause after the last refusal

	// Since the last refusal: when that was, and how many openings went well.
	Refused moment  `json:"refused,omitzero"`
	Done    float64 `json:"done,omitzero"`
}

const (
	openingGapFirst   = 0.5
	openingGapLongest = 60
	openingGapGrowth  = 1.5
	openingMargin     = 1.03  // slower than measured by so much
	openingGapFade    = 0.995 // per good opening: halved after 140
)

func (o *opening) worked() {
	o.Done++
	o.Gap *= openingGapFade
	if o.Gap < 0.05 {
		o.Gap = 0
	}
}

// refused takes in a refused opening. While none goes well in between, it is
// the same refusal still: the wait doubles, the gap stays.
func (o *opening) refused(now moment) {
	dt := now.since(o.Refused)
	switch {
	case o.Refused != 0 && o.Done == 0 && dt < 2*openingGapLongest:
		o.Wait = min(2*o.Wait, openingGapLongest)
		o.Refused = now
		return
	case o.Refused != 0 && o.Done >= 10 && dt >= 10 && dt < 1800:
		o.Gap = max(o.Gap, openingMargin*dt/o.Done)
	default:
		o.Gap *= openingGapGrowth
	}
	o.Gap = clamp(o.Gap, openingGapFirst, openingGapLongest)
	o.Wait = max(2, 2*o.Gap)
	o.Refused, o.Done = now, 0
}

// atOnce is how many lanes may be opening at the same time with so many open.
// Simultaneous openings are what trips counters of concurrent connections.
func atOnce(open int) int { return 1 + open/4 }

func (t *turn) openingsRefused(e Event) {
	was := t.Opening.Gap
	t.Opening.refused(t.now)
	t.openingPause(t.Opening.Wait)
	t.say(Laned, was, t.Opening.Gap, e, fmt.Sprintf("said %s: at least %.1f s between openings", e.words(), t.Opening.Gap))
}

func (t *turn) openingPause(seconds float64) {
	t.Opening.Next = max(t.Opening.Next, t.now.plus(seconds))
}
