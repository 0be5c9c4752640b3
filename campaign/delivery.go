package campaign

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// DeliveryState is where one campaign's message to one contact stands.
type DeliveryState string

// The states of a delivery: queued → deferred → … → one of the others.
const (
	Queued            DeliveryState = "queued"
	Deferred          DeliveryState = "deferred"
	Delivered         DeliveryState = "delivered"
	Bounced           DeliveryState = "bounced"
	Expired           DeliveryState = "expired"
	Suppressed        DeliveryState = "suppressed"
	DeliveryCancelled DeliveryState = "cancelled"
	InDoubt           DeliveryState = "in_doubt"
)

// DeliveryStates lists all states in the order in which people read them.
var DeliveryStates = []DeliveryState{
	Queued, Deferred, Delivered, Bounced, Expired, Suppressed, DeliveryCancelled, InDoubt,
}

// deliveryTransitions says which state may follow which. Final states change
// only when a late outcome corrects them or when a person retries them.
var deliveryTransitions = map[DeliveryState][]DeliveryState{
	Queued:            {Queued, Deferred, Delivered, Bounced, Expired, Suppressed, DeliveryCancelled, InDoubt},
	Deferred:          {Queued, Deferred, Delivered, Bounced, Expired, Suppressed, DeliveryCancelled, InDoubt},
	Delivered:         {Bounced},                    // a bounce that came by mail, after the 250
	Bounced:           {Queued, Delivered},          // retried; a late outcome
	Expired:           {Queued, Delivered, Bounced}, // retried; a late outcome
	Suppressed:        {Delivered},                  // a late outcome
	DeliveryCancelled: {Queued, Delivered, Bounced}, // retried; a late outcome
	InDoubt:           {Queued, Delivered, Bounced}, // retried; a late outcome
}

// Final reports whether nothing more will happen by itself.
func (s DeliveryState) Final() bool { return s != Queued && s != Deferred }

// May reports whether a delivery in state s may become to.
func (s DeliveryState) May(to DeliveryState) bool {
	for _, t := range deliveryTransitions[s] {
		if t == to {
			return true
		}
	}
	return false
}

// After returns what a delivery that ends without an answer comes to: s itself,
// or in doubt when an earlier attempt may have delivered it after all.
func (s DeliveryState) After(doubt bool) DeliveryState {
	if doubt {
		return InDoubt
	}
	return s
}

// Words names the state for people.
func (s DeliveryState) Words() string {
	switch s {
	case Queued:
		return "Queued"
	case Deferred:
		return "Deferred"
	case Delivered:
		return "Delivered"
	case Bounced:
		return "Bounced"
	case Expired:
		return "Expired"
	case Suppressed:
		return "Suppressed"
	case DeliveryCancelled:
		return "Cancelled"
	case InDoubt:
		return "In doubt"
	}
	return string(s)
}

// Attempt is what came of one SMTP transaction for a delivery, or of the try to
// open a connection for it.
type Attempt struct {
	Number   int       // 1 for the first
	First    time.Time // when the delivery was first attempted; this attempt's time when Number is 1
	Accepted bool
	InDoubt  bool // the message may have been taken: the connection was lost after its last byte
	Doubted  bool // an earlier attempt was in doubt
	Meaning  reply.Meaning
}

// Decision is what becomes of a delivery after an attempt.
type Decision struct {
	State DeliveryState
	Due   time.Time // when to try again; zero for final states
}

// Decide says what becomes of a delivery after an attempt at now. spread is a
// random number in [0, 1) that keeps retries from bunching.
func (s Settings) Decide(a Attempt, now time.Time, spread float64) Decision {
	switch {
	case a.Accepted:
		return Decision{State: Delivered}
	case a.InDoubt && s.OnDoubt == DoubtHold:
		return Decision{State: InDoubt}
	case !a.InDoubt && !a.Meaning.Temporary:
		return Decision{State: Bounced}
	}
	end := s.Window.Hours().After(a.First, s.Lifetime.Std())
	if !now.Before(end) {
		return Decision{State: Expired.After(a.InDoubt || a.Doubted)}
	}
	due := now.Add(s.Delay(a, spread))
	if due.After(end) {
		due = end // one last try when the lifetime ends
	}
	return Decision{State: Deferred, Due: due}
}
