package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// Policy decides for a simulated sender how fast it goes. Times are since the
// start of the run. A policy is told everything that a real sender would see
// and nothing else.
type Policy interface {
	// Lanes returns how many lanes may be open now, and when the next may be
	// opened (now or earlier: at once).
	Lanes(now time.Duration, open int) (most int, openAt time.Duration)

	// Permit asks to send one message now. If that is not allowed, it returns
	// when to ask again.
	Permit(now time.Duration) (p Permit, again time.Duration, ok bool)

	// Host picks the host for a new lane.
	Host(now time.Duration, hosts int) int

	// PerLane is how many messages a lane carries; 0 means any number.
	PerLane() int

	// Report tells an outcome.
	Report(now time.Duration, o Outcome)

	// Retry is how long a message that was put off waits.
	Retry(now time.Duration, o Outcome) time.Duration

	// Wake returns when the policy wants to be asked again at the latest.
	Wake(now time.Duration) time.Duration
}

// Permit is the right to send one message now.
type Permit struct {
	Probe bool // the half-open permit of a hold: an old message goes first
	Fresh bool // only for a first attempt
}

// Outcome is an event of the wire as a policy sees it.
type Outcome struct {
	pacing.Event
	Attempts int // of this message, this one included
	HostNo   int
}

// NewPolicy makes a policy with a seed of its own for what it leaves to chance.
type NewPolicy func(rng *rand.Rand) Policy

// Contender is a policy with its name.
type Contender struct {
	Name string
	New  NewPolicy
}

// never is a time that no run reaches.
const never = 1000 * time.Hour
