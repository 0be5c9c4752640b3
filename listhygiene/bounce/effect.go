package bounce

import "time"

// EffectKind says how far a refusal is held against an address.
type EffectKind string

// The kinds of effect.
const (
	NoEffect      EffectKind = ""                // the address is not to blame
	Suppress      EffectKind = "suppress"        // it is suppressed now
	Soft          EffectKind = "soft"            // it counts; see SoftRule
	SoftIfExpired EffectKind = "soft_if_expired" // it counts only when the message dies of it
)

// Effect says what a refusal means for the address, matched on its exact key.
type Effect struct {
	Kind    EffectKind
	Domain  bool          // it is held against the whole domain instead
	For     time.Duration // how long a first suppression lasts; 0 for good
	Breaker bool          // the suppression waits while the provider's breaker is open
	Soft    SoftRule
	Weight  float64 // how much it counts, from 0 to 1
}

// Expiry returns until when a suppression holds, zero for good. A mailbox that is
// refused again after an earlier suppression ran out gets no third chance.
func (e Effect) Expiry(now time.Time, suppressedBefore bool) time.Time {
	if e.For == 0 || suppressedBefore {
		return time.Time{}
	}
	return now.Add(e.For)
}

// SoftRule says when soft refusals of one kind add up to a suppression.
type SoftRule struct {
	After float64       // sum of weights
	Over  time.Duration // at least so long after the first of them
}

// Counter is what soft refusals of one kind have added up to since the last
// accepted delivery. The zero value has counted nothing.
type Counter struct {
	Sum   float64
	First time.Time
}

// Add counts one refusal.
func (c Counter) Add(weight float64, now time.Time) Counter {
	if c.Sum == 0 {
		c.First = now
	}
	c.Sum += weight
	return c
}

// Accepted sets the counter back: the mailbox took a message.
func (Counter) Accepted() Counter { return Counter{} }

// Reached reports whether the refusals add up to a suppression.
func (r SoftRule) Reached(c Counter, now time.Time) bool {
	return r.After > 0 && c.Sum >= r.After && now.Sub(c.First) >= r.Over
}

// Schedule holds the delays before each further attempt; the last one repeats.
type Schedule []time.Duration

// spread is how far a delay is moved at random, to both sides, so that messages
// that failed together do not come back together.
const spread = 0.2

// Delay returns how long to wait before the next attempt, after so many attempts
// (at least 1). A hint of the server counts where it is longer. chance is a
// random number from 0 up to 1, which spreads the delay by 20 % to both sides
// but never below the hint. Without a schedule the delay is 0.
func (a Action) Delay(attempts int, hint time.Duration, chance float64) time.Duration {
	if len(a.Retry) == 0 {
		return 0
	}
	delay := a.Retry[min(max(attempts, 1), len(a.Retry))-1]
	delay = time.Duration(float64(max(delay, hint)) * (1 - spread + 2*spread*chance))
	return max(delay, hint)
}
