package sandbox

import (
	"strings"
	"time"
)

// Leaving says whether and when a reader unsubscribes.
type Leaving string

// What readers do.
const (
	Stays             Leaving = ""
	LeavesAfterMail   Leaving = "after_reading" // by one click, some time after their first message
	LeavesInTheMiddle Leaving = "later"         // from their first message, when Sandbox.UnsubscribeLater says so
)

// leaves decides what the reader behind an address does, and how long after
// receiving a message.
func (f *File) leaves(p *Provider, address string) (Leaving, time.Duration) {
	people, address := f.people(p), strings.ToLower(address)
	u := f.chance("leaves " + address)
	switch {
	case u < float64(people.Unsubscribe):
		return LeavesAfterMail, people.After + time.Duration(f.chance("delay "+address)*float64(people.Within))
	case u < float64(people.Unsubscribe+people.Later):
		return LeavesInTheMiddle, 0
	}
	return Stays, 0
}
