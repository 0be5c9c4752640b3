package web

import "time"

// figureWait is how long a page waits for a figure that takes a while on large
// installations. What is not there by then follows by event.
const figureWait = 60 * time.Millisecond

// freshness says how old such a figure is, and whether a newer one is on its way.
type freshness struct {
	At      time.Time // zero before the first
	Running bool
}

func newFreshness(at time.Time, running bool) freshness { return freshness{at, running} }

// Known reports whether there is a figure to show.
func (f freshness) Known() bool { return !f.At.IsZero() }
