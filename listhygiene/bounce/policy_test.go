package bounce

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// classes are all that pacing/reply may return for a refusal.
var classes = []reply.Bounce{
	reply.BounceBadMailbox, reply.BounceBadDomain, reply.BounceInactive, reply.BounceMailboxFull,
	reply.BounceRecipientPolicy, reply.BounceGreylisted, reply.BounceRateLimited, reply.BounceBlockedIP,
	reply.BounceBlockedDomain, reply.BounceAuthFailure, reply.BounceSenderDNS, reply.BounceContentSpam,
	reply.BounceContentOther, reply.BounceRemoteConfig, reply.BounceNetwork, reply.BounceExpired,
	reply.BounceProtocol, reply.BounceUnknown,
}

var phases = []reply.Phase{
	reply.PhaseConnect, reply.PhaseEHLO, reply.PhaseStartTLS, reply.PhaseAuth, reply.PhaseMail,
	reply.PhaseRcpt, reply.PhaseData, reply.PhaseDot, reply.PhaseAsync,
}

func TestEveryClassIsInTheTable(t *testing.T) {
	t.Parallel()
	if len(classes) != len(table) {
		t.Errorf("%d classes, %d rows", len(classes), len(table))
	}
	for _, class := range classes {
		for _, temporary := range []bool{true, false} {
			a := Policy(reply.Meaning{Bounce: class, Temporary: temporary, Scope: reply.ScopeRecipient}, reply.PhaseRcpt)
			if a.Words == "" || a.Actor == "" || (a.Outcome == Deferred) != (len(a.Retry) > 0) {
				t.Errorf("%s, temporary %v: %+v", class, temporary, a)
			}
			if (a.Address.Kind == Soft || a.Address.Kind == SoftIfExpired) && (a.Address.Soft.After == 0 || a.Address.Weight == 0) {
				t.Errorf("%s, temporary %v: counts nothing: %+v", class, temporary, a.Address)
			}
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		meaning reply.Meaning
		phase   reply.Phase
		outcome Outcome
		effect  EffectKind
	}{
		{"no such mailbox", reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient}, reply.PhaseRcpt, Bounced, Suppress},
		{"no such mailbox, in a later report", reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient}, reply.PhaseAsync, Bounced, Suppress},
		{"no such mailbox, after the message", reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient}, reply.PhaseDot, Bounced, Suppress},
		{"after the message, about the message", reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeTransaction}, reply.PhaseDot, Bounced, NoEffect},
		{"no such user at MAIL is about us", reply.Meaning{Bounce: reply.BounceBadMailbox, Scope: reply.ScopeSource}, reply.PhaseMail, Bounced, NoEffect},
		{"disabled", reply.Meaning{Bounce: reply.BounceInactive, Scope: reply.ScopeRecipient}, reply.PhaseRcpt, Bounced, Suppress},
		{"domain without mail, found by DNS", reply.Meaning{Bounce: reply.BounceBadDomain, Scope: reply.ScopeRecipientDomain}, reply.PhaseConnect, Bounced, Suppress},
		{"full for now", reply.Meaning{Bounce: reply.BounceMailboxFull, Temporary: true, Scope: reply.ScopeRecipient}, reply.PhaseRcpt, Deferred, SoftIfExpired},
		{"blocked for good is tried again", reply.Meaning{Bounce: reply.BounceBlockedIP, Scope: reply.ScopeSource}, reply.PhaseRcpt, Deferred, NoEffect},
		{"spam", reply.Meaning{Bounce: reply.BounceContentSpam, Scope: reply.ScopeCampaign}, reply.PhaseDot, Bounced, NoEffect},
		{"expired without a connection", reply.Meaning{Bounce: reply.BounceExpired}, reply.PhaseConnect, Bounced, Soft},
		{"unknown class", reply.Meaning{Bounce: "new"}, reply.PhaseRcpt, Bounced, Soft},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := Policy(tt.meaning, tt.phase)
			if a.Outcome != tt.outcome || a.Address.Kind != tt.effect {
				t.Errorf("%s, %q, want %s, %q", a.Outcome, a.Address.Kind, tt.outcome, tt.effect)
			}
		})
	}
}

// What is about us never costs an address anything, whatever the code and phase.
func TestOurFaultIsNeverTheirs(t *testing.T) {
	t.Parallel()
	for _, class := range []reply.Bounce{
		reply.BounceRateLimited, reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceAuthFailure, reply.BounceSenderDNS,
		reply.BounceContentSpam, reply.BounceContentOther, reply.BounceGreylisted, reply.BounceNetwork, reply.BounceProtocol,
	} {
		for _, phase := range phases {
			for _, temporary := range []bool{true, false} {
				m := reply.Meaning{Bounce: class, Temporary: temporary, Scope: reply.ScopeRecipient}
				if a := Policy(m, phase); a.Address != (Effect{}) {
					t.Errorf("%s at %s: %+v", class, phase, a.Address)
				}
			}
		}
	}
}

// Before RCPT TO no refusal is the recipient's fault.
func TestPhaseComesFirst(t *testing.T) {
	t.Parallel()
	for _, class := range classes {
		if class == reply.BounceBadDomain || class == reply.BounceExpired {
			continue // found without a session
		}
		for _, phase := range []reply.Phase{reply.PhaseConnect, reply.PhaseEHLO, reply.PhaseStartTLS, reply.PhaseMail} {
			if a := Policy(reply.Meaning{Bounce: class, Scope: reply.ScopeRecipient}, phase); a.Address != (Effect{}) {
				t.Errorf("%s at %s: %+v", class, phase, a.Address)
			}
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	a := Policy(reply.Meaning{Bounce: reply.BounceUnknown, Temporary: true}, reply.PhaseRcpt)
	for attempts, want := range map[int]time.Duration{
		0: 5 * time.Minute, 1: 5 * time.Minute, 2: 10 * time.Minute, 4: 40 * time.Minute, 5: time.Hour, 50: time.Hour,
	} {
		if got := a.Delay(attempts, 0, 0.5); got != want {
			t.Errorf("after %d attempts %v, want %v", attempts, got, want)
		}
	}
	if got := (Action{}).Delay(1, time.Hour, 0.5); got != 0 {
		t.Errorf("a final refusal waits %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		hint := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "hint"))
		attempts := rapid.IntRange(1, 100).Draw(t, "attempts")
		delay := a.Delay(attempts, hint, rapid.Float64Range(0, 0.999).Draw(t, "chance"))
		if delay < hint || delay < 4*time.Minute || delay > max(hint, time.Hour)*12/10 {
			t.Fatalf("%v after %d attempts with the hint %v", delay, attempts, hint)
		}
	})
}

func TestSoftRefusalsAddUp(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rule := SoftRule{After: 3, Over: 21 * day}
	var c Counter
	for i, step := range []struct {
		after   time.Duration
		reached bool
	}{{0, false}, {10 * day, false}, {20 * day, false}, {21 * day, true}} {
		now := start.Add(step.after)
		c = c.Add(1, now)
		if got := rule.Reached(c, now); got != step.reached {
			t.Errorf("refusal %d after %v: reached %v", i+1, step.after, got)
		}
	}
	c = c.Accepted().Add(1, start.Add(40*day))
	if rule.Reached(c, start.Add(90*day)) {
		t.Error("an accepted delivery did not set the counter back")
	}
}

func TestADisabledMailboxGetsOneMoreChance(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := Policy(reply.Meaning{Bounce: reply.BounceInactive, Scope: reply.ScopeRecipient}, reply.PhaseRcpt).Address
	if got := e.Expiry(now, false); !got.Equal(now.Add(90 * day)) {
		t.Errorf("first suppressed until %v", got)
	}
	if got := e.Expiry(now, true); !got.IsZero() {
		t.Errorf("then suppressed until %v", got)
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		b    Breaker
		want bool
	}{
		{"quiet", Breaker{}, false},
		{"an old list at a small provider", Breaker{Recipients: 40, BadMailboxes: 19, Permanent: 19}, false},
		{"every third mailbox gone", Breaker{Recipients: 60, BadMailboxes: 20, Permanent: 20}, true},
		{"usual share", Breaker{Recipients: 10000, BadMailboxes: 200, Permanent: 250, MeanShare: 0.02}, false},
		{"5xx tripled", Breaker{Recipients: 1000, BadMailboxes: 0, Permanent: 61, MeanShare: 0.02}, true},
		{"tripled of next to nothing", Breaker{Recipients: 1000, Permanent: 6, MeanShare: 0.001}, false},
	}
	for _, tt := range tests {
		if got := tt.b.Open(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
