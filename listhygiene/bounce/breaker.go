package bounce

import "time"

// BreakerWindow is the stretch of time that a Breaker looks at. Servers that
// "fall over" and refuse everyone as unknown do so within minutes.
const BreakerWindow = 15 * time.Minute

// Confirmation is how long after the first refusal a second one counts as its
// confirmation, when the breaker was open.
const Confirmation = 24 * time.Hour

// Thresholds of the breaker.
const (
	breakerLeast  = 20   // bad mailboxes before it may open
	breakerShare  = 0.10 // of the RCPTs in the window
	breakerTriple = 3.0  // 5xx share against the provider's own mean
	breakerFew    = 50   // RCPTs before the comparison with the mean says anything
)

// Breaker holds what one provider did in the last [BreakerWindow], and its mean
// of the last 7 days.
type Breaker struct {
	Recipients   int     // RCPTs that were answered
	BadMailboxes int     // of them refused as bad_mailbox
	Permanent    int     // of them refused with any 5xx
	MeanShare    float64 // of 5xx in the last 7 days, 0 to 1; 0 when unknown
}

// Open reports whether the provider behaves so unlike itself that suppressions
// from it must wait: more than 10 % and at least 20 of its recipients turn out
// unknown, or its share of permanent refusals triples.
func (b Breaker) Open() bool {
	if b.Recipients == 0 {
		return false
	}
	n := float64(b.Recipients)
	if b.BadMailboxes >= breakerLeast && float64(b.BadMailboxes)/n > breakerShare {
		return true
	}
	return b.MeanShare > 0 && b.Recipients >= breakerFew && b.Permanent >= breakerLeast &&
		float64(b.Permanent)/n >= breakerTriple*b.MeanShare
}
