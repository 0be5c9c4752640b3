package pacing

import "fmt"

// opening is how often lanes may be opened.
//
// Servers that count connections per minute want fewer, longer lanes: the
// least gap between two openings grows by half with each refusal and fades
// slowly while openings go well.
type opening struct {
	Gap  float64 `json:"gap,omitzero"`  // seconds
	Next moment  `json:"next,omitzero"` // no opening before
}

const (
	openingGapFirst   = 0.5
	openingGapLongest = 60
	openingGapGrowth  = 1.5
	openingGapFade    = 0.995 // per good opening: halved after 140
)

func (o *opening) worked() {
	o.Gap *= openingGapFade
	if o.Gap < 0.05 {
		o.Gap = 0
	}
}

func (o *opening) refused() {
	o.Gap = clamp(o.Gap*openingGapGrowth, openingGapFirst, openingGapLongest)
}

// atOnce is how many lanes may be opening at the same time with so many open.
// Simultaneous openings are what trips counters of concurrent connections.
func atOnce(open int) int { return 1 + open/4 }

func (t *turn) openingsRefused(e Event) {
	was := t.Opening.Gap
	t.Opening.refused()
	t.openingPause(max(2, 2*t.Opening.Gap))
	t.say(Laned, was, t.Opening.Gap, e, fmt.Sprintf("said %s: at least %.1f s between openings", e.words(), t.Opening.Gap))
}

func (t *turn) openingPause(seconds float64) {
	t.Opening.Next = max(t.Opening.Next, t.now.plus(seconds))
}
