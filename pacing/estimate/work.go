package estimate

import (
	"time"

	"github.com/headwaymail/headway/pacing"
)

// Work is what is left at one provider, and what is known of its pace.
type Work struct {
	// Since is when the work began: from then on there was always mail for
	// this provider. What was accepted before says nothing, since nothing may
	// have been waiting.
	Since time.Time

	// Ready is the number of messages that may go now.
	Ready int64

	// Later are messages that were put off, in order of the time at which
	// they are due.
	Later []Wave

	// Weight is the campaign's, Others what else waits at the provider.
	// Weight 0 means that everything is one campaign.
	Weight int
	Others []Share

	// Outlook is what the pacer knows of the time ahead. Accepted counts what
	// the provider accepted, of all campaigns. See [pacing.State].
	Outlook  pacing.Outlook
	Accepted func(from, to time.Time) float64

	// Passing returns when a span of the work's own time is over that begins
	// now, where work rests at times; nil where it never does.
	Passing func(now time.Time, span time.Duration) time.Time

	// PutOff is the share of attempts, from 0 to 1, that were put off for
	// their recipient's sake; Retry the waits after a first, second and later
	// attempt. The last wait repeats. Without waits there is no tail.
	PutOff float64
	Retry  []time.Duration
}

// Wave is a number of messages that become due together.
type Wave struct {
	Due   time.Time
	N     int64
	First bool // they were never tried: their readers' time comes then
}

// Left is how many messages are not done.
func (w Work) Left() int64 {
	n := w.Ready
	for _, l := range w.Later {
		n += l.N
	}
	return n
}

// at is the moment that comes after a number of seconds of the work's own time.
func (w Work) at(now time.Time, seconds float64) time.Time {
	if w.Passing == nil {
		return after(now, seconds)
	}
	return w.Passing(now, time.Duration(seconds*float64(time.Second)))
}
