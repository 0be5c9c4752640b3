package listhygiene

import (
	"testing"
	"time"

	"github.com/headwaymail/headway/listhygiene/address"
)

func TestReasons(t *testing.T) {
	t.Parallel()
	for r := range reasons {
		if r.Words() == string(r) || r.Verdict().Words() == string(r.Verdict()) {
			t.Errorf("%s has no words", r)
		}
	}
	for _, c := range address.Codes() {
		r := SyntaxReason(c)
		back, ok := r.AddressCode()
		if !ok || back != c || r.Verdict() != Undeliverable || r.Words() != c.Words() {
			t.Errorf("%s is the reason %s, %s, %q", c, r, r.Verdict(), r.Words())
		}
	}
	for c, want := range map[address.Code]Reason{
		address.NoAt: "syntax_no_at", address.DomainReserved: "domain_reserved",
		address.DomainLiteralRefused: "domain_literal_refused", address.SourceRouteRefused: "source_route_refused",
	} {
		if got := SyntaxReason(c); got != want {
			t.Errorf("SyntaxReason(%s) = %s, want %s", c, got, want)
		}
	}
	if v := Reason("syntax_new").Verdict(); v != Unknown {
		t.Errorf("a reason that nobody knows leads to %s", v)
	}
}

func TestConclude(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		reasons []Reason
		want    Verdict
	}{
		{"nothing known", nil, Unproven},
		{"no history", []Reason{NoHistory}, Unproven},
		{"accepted before", []Reason{NoHistory, AcceptedBefore}, Deliverable},
		{"accepted, but a typo", []Reason{AcceptedBefore, TypoLikely}, Risky},
		{"DNS trouble", []Reason{NoHistory, DNSTemporary}, Unknown},
		{"no such domain", []Reason{TypoLikely, DomainNXDomain}, Undeliverable},
	}
	for _, tt := range tests {
		if got := Conclude(tt.reasons); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		policy     Policy
		verdict    Verdict
		suppressed bool
		want       Decision
	}{
		{Policy{}, Deliverable, false, Send},
		{Policy{}, Deliverable, true, Suppressed},
		{Policy{}, Unproven, false, Probation},
		{Policy{TrustUnproven: true}, Unproven, false, Send},
		{Policy{}, Risky, false, Hold},
		{Policy{SendRisky: true}, Risky, false, Send},
		{Policy{SendRisky: true, TrustUnproven: true}, Undeliverable, false, Hold},
		{Policy{}, Unknown, false, Probation},
		{Policy{}, "", false, Probation},
	}
	for _, tt := range tests {
		if got := tt.policy.Decide(tt.verdict, tt.suppressed); got != tt.want {
			t.Errorf("%+v, %q, suppressed %v: %s, want %s", tt.policy, tt.verdict, tt.suppressed, got, tt.want)
		}
	}
}

func TestSuppressions(t *testing.T) {
	t.Parallel()
	for _, r := range SuppressionReasons() {
		if r.Words() == string(r) {
			t.Errorf("%s has no words", r)
		}
		if r.MatchesCanonical() != (r != Bounced) {
			t.Errorf("%s: matches canonical %v", r, r.MatchesCanonical())
		}
		if r.Liftable() != (r != Complained && r != Erased) {
			t.Errorf("%s: liftable %v", r, r.Liftable())
		}
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if !(Suppression{}).Holds(now) || (Suppression{Expires: now}).Holds(now) || !(Suppression{Expires: now.Add(1)}).Holds(now) {
		t.Error("a suppression holds until its expiry, and for good without one")
	}
}
