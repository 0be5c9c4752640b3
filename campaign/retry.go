package campaign

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Retry says how long a deferred delivery waits, by what the refusal meant.
type Retry struct {
	// Steps are the waits after the first, second, … attempt when the reply
	// tells nothing better; the last one repeats. Defaults to 5, 10, 20, 40
	// minutes, then hourly.
	Steps []Duration `json:"steps" toml:"steps"`
	// Throttled is the wait after a refusal that speaks of our speed, not of
	// the message: the pacer holds the provider for as long as it must.
	// Defaults to 1 minute.
	Throttled Duration `json:"throttled" toml:"throttled"`
	// Greylisted is the wait after a greylisting reply that names no time.
	// Defaults to 5 minutes and 5 seconds (postgrey and rspamd wait 300 s).
	Greylisted Duration `json:"greylisted" toml:"greylisted"`
	// Mailbox is the first wait when the recipient's mailbox is full or busy;
	// it doubles up to 4 hours. Defaults to 15 minutes.
	Mailbox Duration `json:"mailbox" toml:"mailbox"`
	// Spread is the part of a wait by which it is varied, ± . Defaults to 0.2.
	Spread float64 `json:"spread" toml:"spread"`
}

const (
	mailboxLongest = 16               // times the first wait: 4 hours for 15 minutes
	hintMargin     = 2 * time.Second  // a hint is the earliest time, and clocks differ
	hintLongest    = 24 * time.Hour   // no server is believed for longer
	doubtWait      = 30 * time.Second // after a lost connection: soon, on a new one
)

// Delay returns how long to wait after attempt a. A wait that the server named
// is never shortened; every other wait is varied by the campaign's spread.
func (s Settings) Delay(a Attempt, spread float64) time.Duration {
	base := s.base(a)
	wait := time.Duration(float64(base) * (1 + s.Retry.Spread*(2*spread-1)))
	if hint := min(a.Meaning.Hint, hintLongest); hint > 0 {
		// All recipients of a provider may hear the same hint: come back
		// spread over a part of it, but never before it has passed.
		wait = max(hint+hintMargin, 0) + time.Duration(float64(hint)*s.Retry.Spread*spread)
	}
	return max(wait, 0)
}

func (s Settings) base(a Attempt) time.Duration {
	if a.InDoubt {
		return min(doubtWait, s.Retry.step(a.Number))
	}
	switch a.Meaning.Class {
	case reply.ClassConcurrency, reply.ClassConnRate, reply.ClassRate, reply.ClassSession, reply.ClassRecipients:
		return s.Retry.Throttled.Std()
	case reply.ClassGreylist:
		return s.Retry.Greylisted.Std()
	case reply.ClassMailbox:
		doubled := s.Retry.Mailbox.Std() << min(max(a.Number-1, 0), 10)
		return min(doubled, mailboxLongest*s.Retry.Mailbox.Std())
	}
	return s.Retry.step(a.Number)
}

func (r Retry) step(number int) time.Duration {
	if len(r.Steps) == 0 {
		return time.Hour
	}
	return r.Steps[min(max(number, 1), len(r.Steps))-1].Std()
}
