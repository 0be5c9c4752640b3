package web

import "time"

const (
	// pagePatience is how long a page waits for all figures together that take a
	// while on large installations. What is not there by then follows by event.
	pagePatience = 60 * time.Millisecond
	// figureWait is how long a live part waits for each of them before it shows
	// what was known before.
	figureWait = 50 * time.Millisecond
)

// freshness says how old such a figure is, and whether a newer one is on its way.
type freshness struct {
	At      time.Time // zero before the first
	Running bool
}

func newFreshness(at time.Time, running bool) freshness { return freshness{at, running} }

// Known reports whether there is a figure to show.
func (f freshness) Known() bool { return !f.At.IsZero() }
