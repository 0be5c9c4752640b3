package bounce

import (
	"testing"

	"github.com/headwaymail/headway/pacing/reply"
)

func TestCosts(t *testing.T) {
	t.Parallel()
	mailbox := reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient}
	full := reply.Meaning{Bounce: reply.BounceMailboxFull, Scope: reply.ScopeRecipient, Temporary: true}
	domain := reply.Meaning{Bounce: reply.BounceBadDomain, Scope: reply.ScopeRecipientDomain}
	slow := reply.Meaning{Bounce: reply.BounceRateLimited, Scope: reply.ScopeSource, Temporary: true}
	network := reply.Meaning{Bounce: reply.BounceNetwork, Scope: reply.ScopeHost, Temporary: true}
	tests := []struct {
		name             string
		meaning          reply.Meaning
		phase            reply.Phase
		bounced, expired bool
		want             EffectKind
		domain           bool
	}{
		{"delivered or goes on", mailbox, reply.PhaseRcpt, false, false, NoEffect, false},
		{"no such mailbox", mailbox, reply.PhaseRcpt, true, false, Suppress, false},
		{"no such mailbox, said before RCPT", mailbox, reply.PhaseMail, true, false, NoEffect, false},
		{"full, tried again", full, reply.PhaseRcpt, false, false, NoEffect, false},
		{"full until the end", full, reply.PhaseRcpt, false, true, Soft, false},
		{"a server says that the domain is unknown", domain, reply.PhaseRcpt, true, false, Suppress, false},
		{"we were too fast until the end", slow, reply.PhaseMail, false, true, NoEffect, false},
		{"nobody answered until the end", network, reply.PhaseConnect, false, true, Soft, false},
	}
	for _, tt := range tests {
		if got := Costs(tt.meaning, tt.phase, tt.bounced, tt.expired); got.Kind != tt.want || got.Domain != tt.domain {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
	if got := Reported(full, reply.PhaseAsync); got.Kind != Soft {
		t.Errorf("a report of a full mailbox: %+v", got)
	}
	if got := Reported(reply.Meaning{Bounce: reply.BounceBadMailbox, Temporary: true}, reply.PhaseAsync); got.Kind == Suppress {
		t.Errorf("a report of what might pass suppresses: %+v", got)
	}
	if got := DomainGone(); got.Kind != Suppress || !got.Domain {
		t.Errorf("a domain without mail: %+v", got)
	}
}
