package pacing

import (
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Kind says what happened on the wire.
type Kind string

// The kinds of events.
const (
	Accepted    Kind = "accepted"     // the server took a message
	Refused     Kind = "refused"      // the server put off or refused a message, or the lane broke under it
	Opened      Kind = "opened"       // a lane was opened: greeting and EHLO went well
	OpenRefused Kind = "open_refused" // a lane could not be opened
	Closed      Kind = "closed"       // a lane ended
	Complained  Kind = "complained"   // a recipient marked a message as spam
)

// Event is one thing that happened on the wire.
type Event struct {
	Kind Kind

	// At is when the outcome was known; Launched is when the transaction, or
	// the opening, began. A zero Launched is taken as At.
	At, Launched time.Time

	// Meaning, Phase and Code are the refusal's; Reply is the server's own
	// words in one line, for explanations.
	Meaning reply.Meaning
	Phase   reply.Phase
	Code    int
	Reply   string

	// Count is the number of identical acceptances handed in as one event.
	// 0 means 1. Refusals are never bundled.
	Count int

	// Index is the message's number on its lane, from 1; 0 when unknown.
	Index int

	// Lanes is how many lanes of this source were open at the provider when
	// it happened, the one that was just opened included.
	Lanes int

	// Host is the mail exchanger's name or address.
	Host string

	// First says that it was the delivery's first attempt; Age is how long
	// ago the first attempt was, for all others.
	First bool
	Age   time.Duration

	// Probe says that the message went out under the half-open permit of a
	// hold ([Block].Probe). Only such an event can end a hold.
	Probe bool

	// Severed says that the server closed the lane with this refusal.
	Severed bool
}

func (e Event) count() float64 {
	if e.Count > 1 {
		return float64(e.Count)
	}
	return 1
}

func (e Event) launched() moment {
	if e.Launched.IsZero() || e.Launched.After(e.At) {
		return momentOf(e.At)
	}
	return momentOf(e.Launched)
}

// words returns what the server said, for a reason.
func (e Event) words() string {
	if e.Reply != "" {
		return e.Reply
	}
	if e.Kind == OpenRefused {
		return "no connection (" + string(e.Meaning.Class) + ")"
	}
	return "a refusal (" + string(e.Meaning.Class) + ")"
}

// inOrder returns the events by time. Batches of several lanes arrive mixed;
// the caller's slice is left alone.
func inOrder(events []Event) []Event {
	byTime := func(a, b Event) int { return a.At.Compare(b.At) }
	if slices.IsSortedFunc(events, byTime) {
		return events
	}
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, byTime)
	return sorted
}
