package pacing

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Some refusals speak of the sending domain and not of the address: a quota
// per DKIM domain, a limit per MAIL FROM domain. They move a second envelope,
// kept per (sending domain, provider). A message then needs a permit from
// both: the source's and its domain's.

// NewDomain returns the envelope of a sending domain at a provider. It does
// not search for a limit: it allows everything until a refusal names the
// domain, and follows that from then on.
func NewDomain(p Profile, now time.Time) State {
	s := New(p, now)
	s.Rate.Mode = steady
	s.Rate.R, s.Rate.Lo = p.maxRate(), p.maxRate()
	s.Said.Kind = Started
	return s
}

// ForDomain picks from a provider's events those that a sending domain's
// envelope must hear: its acceptances, and refusals that name the domain,
// turned so that [Step] moves this envelope. The events must all be of
// messages of that domain.
func ForDomain(events []Event) []Event {
	var heard []Event
	for _, e := range events {
		switch {
		case e.Kind == Accepted:
			heard = append(heard, e)
		case e.Kind == Refused && e.Meaning.Scope == reply.ScopeSendingDomain:
			e.Meaning.Scope = reply.ScopeSource
			if e.Meaning.Class == reply.ClassAuth {
				// The doctor, or an hour, must come first: a hold.
				e.Meaning.Hint = max(e.Meaning.Hint, time.Hour)
			}
			heard = append(heard, e)
		}
	}
	return heard
}
