package simulate

import (
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
)

// Tally counts one run, in all and by the second.
type Tally struct {
	Accepted    int
	Attempts    int // messages tried and lanes refused
	Avoidable   int // refusals that an all-knowing sender would not have met
	Unavoidable int // greylisting, mailboxes, noise

	Took    []uint16  // accepted, by second
	Offered []uint16  // attempts, by second
	Refused []uint16  // avoidable refusals, by second
	Limit   []float64 // hidden limit per second; +Inf without one
}

func newTally(run time.Duration) *Tally {
	n := int(run/time.Second) + 2
	return &Tally{Took: make([]uint16, n), Offered: make([]uint16, n), Refused: make([]uint16, n)}
}

func (t *Tally) attempt(at time.Duration) {
	t.Attempts++
	t.Offered[min(int(at/time.Second), len(t.Offered)-1)]++
}

func (t *Tally) accept(at time.Duration) {
	t.Accepted++
	t.Took[min(int(at/time.Second), len(t.Took)-1)]++
}

func (t *Tally) refuse(at time.Duration, cause receiver.Cause) {
	if !cause.Avoidable() {
		t.Unavoidable++
		return
	}
	t.Avoidable++
	t.Refused[min(int(at/time.Second), len(t.Refused)-1)]++
}
