package verification

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/risk"
	"github.com/headwaymail/headway/pacing/reply"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// parse reads an address that a test is about.
func parse(t testing.TB, text string) address.Address {
	t.Helper()
	a, err := address.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func judge() *Judge { return NewJudge(risk.SeedLists(), address.Policy{}) }

// good is a domain that takes mail, looked at a moment ago.
var good = Domain{Found: HostMX, Hosts: []string{"mx1.example.org"}, Reach: ReachPublic, Provider: "Example", At: noon.Add(-time.Minute)}

func missing(found MailHost, looks int, over time.Duration) Domain {
	return Domain{Found: found, GoneLooks: looks, GoneSince: noon.Add(-over), At: noon}
}

// Every row of the result vocabulary that an address can come to.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	accepted := History{Accepted: noon.Add(-24 * time.Hour)}
	confirmed := History{Confirmed: noon.Add(-300 * 24 * time.Hour)}
	kept := History{Accepted: noon.Add(-24 * time.Hour), Kept: noon.Add(-6 * 24 * time.Hour)}
	back, ages := Returned{Addresses: ReturnedAddresses, Last: noon.Add(-time.Hour)}, noon.AddDate(-3, 0, 0)
	without := Refusal{At: noon.Add(-time.Hour), Bounce: reply.BounceRecipientPolicy, Reply: "553 5.6.7 mx1.example.org does not offer SMTPUTF8"}
	refused := func(b reply.Bounce) History {
		return History{Refusal: Refusal{At: noon.Add(-time.Hour), Bounce: b, Reply: "550 5.1.1 no such user"}}
	}
	const anna = "anna.maier@example.org"
	reasons := func(r ...listhygiene.Reason) []listhygiene.Reason { return r }
	for _, tt := range []struct {
		name    string
		address string
		facts   Facts
		want    listhygiene.Verdict
		reasons []listhygiene.Reason
		source  Source
	}{
		{"syntax", "", Facts{Problem: &address.Problem{Code: address.NoAt}}, listhygiene.Undeliverable, reasons("syntax_no_at"), FromGrammar},
		{"reserved", "", Facts{Problem: &address.Problem{Code: address.DomainReserved}}, listhygiene.Undeliverable, reasons(listhygiene.DomainReserved), FromGrammar},
		{"literal", "", Facts{Problem: &address.Problem{Code: address.DomainLiteralRefused}}, listhygiene.Undeliverable, reasons(listhygiene.DomainLiteralRefused), FromGrammar},
		{"source route", "", Facts{Problem: &address.Problem{Code: address.SourceRouteRefused}}, listhygiene.Undeliverable, reasons(listhygiene.SourceRouteRefused), FromGrammar},
		{"unknown top-level domain", "anna@corp.lan", Facts{Domain: missing(HostNoDomain, 1, 0)}, listhygiene.Undeliverable, reasons(listhygiene.TLDUnknown), FromDNS},
		{"a new top-level domain that DNS knows", "anna@corp.lan", Facts{Domain: good}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"NXDOMAIN once", anna, Facts{Domain: missing(HostNoDomain, 1, 0)}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"NXDOMAIN often in a short time", anna, Facts{Domain: missing(HostNoDomain, 30, 71*time.Hour)}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"NXDOMAIN twice in a long time", anna, Facts{Domain: missing(HostNoDomain, 2, 90*time.Hour)}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"NXDOMAIN for three days", anna, Facts{Domain: missing(HostNoDomain, 4, 72*time.Hour)}, listhygiene.Undeliverable, reasons(listhygiene.DomainNXDomain), FromDNS},
		{"NXDOMAIN after an acceptance", anna, Facts{Domain: missing(HostNoDomain, 4, 72*time.Hour), History: accepted}, listhygiene.Undeliverable, reasons(listhygiene.DomainNXDomain, listhygiene.AcceptedBefore), FromDNS},
		{"null MX", anna, Facts{Domain: Domain{Found: HostNull, At: noon}}, listhygiene.Undeliverable, reasons(listhygiene.DomainNullMX), FromDNS},
		{"no mail host once", anna, Facts{Domain: missing(HostNone, 1, 0)}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"no mail host", anna, Facts{Domain: missing(HostNone, 3, 80*time.Hour)}, listhygiene.Undeliverable, reasons(listhygiene.DomainNoMailHost), FromDNS},
		{"loopback MX", anna, Facts{Domain: Domain{Found: HostMX, Hosts: []string{"localhost"}, Reach: ReachUnroutable, At: noon}}, listhygiene.Undeliverable, reasons(listhygiene.MXUnroutable), FromDNS},
		{"MX without an address for days", anna, Facts{Domain: Domain{Found: HostMX, Hosts: []string{"mx.gone.example"}, Reach: ReachMissing, At: noon, GoneLooks: 3, GoneSince: noon.Add(-80 * time.Hour)}}, listhygiene.Undeliverable, reasons(listhygiene.MXUnroutable), FromDNS},
		{"implicit MX", anna, Facts{Domain: Domain{Found: HostImplicit, Reach: ReachPublic, At: noon}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"mailbox unknown", anna, Facts{Domain: good, History: refused(reply.BounceBadMailbox)}, listhygiene.Undeliverable, reasons(listhygiene.MailboxUnknown), FromDelivery},
		{"mailbox disabled", anna, Facts{Domain: good, History: refused(reply.BounceInactive)}, listhygiene.Undeliverable, reasons(listhygiene.MailboxDisabled), FromDelivery},
		{"typo", "anna@gmial.com", Facts{Domain: good}, listhygiene.Risky, reasons(listhygiene.TypoLikely), FromLists},
		{"typo at a domain that takes no mail", "anna@gmial.com", Facts{Domain: Domain{Found: HostNull, At: noon}}, listhygiene.Undeliverable, reasons(listhygiene.DomainNullMX, listhygiene.TypoLikely), FromDNS},
		{"disposable", "x@mailinator.com", Facts{Domain: good, History: accepted}, listhygiene.Risky, reasons(listhygiene.Disposable, listhygiene.AcceptedBefore), FromLists},
		{"technical role", "no-reply@example.org", Facts{Domain: good}, listhygiene.Risky, reasons(listhygiene.RoleTechnical), FromLists},
		{"shared role", "info@example.org", Facts{Domain: good}, listhygiene.Risky, reasons(listhygiene.RoleShared), FromLists},
		{"shared role that confirmed", "info@example.org", Facts{Domain: good, History: confirmed}, listhygiene.Deliverable, reasons(listhygiene.ConfirmedConsent), FromConsent},
		{"accepts everything", anna, Facts{Domain: good, Returned: back}, listhygiene.Risky, reasons(listhygiene.AcceptsEverything), FromRecords},
		{"accepts everything, a message yesterday", anna, Facts{Domain: good, Returned: back, History: accepted}, listhygiene.Risky, reasons(listhygiene.AcceptsEverything, listhygiene.AcceptedBefore), FromRecords},
		{"accepts everything, a message that never came back", anna, Facts{Domain: good, Returned: back, History: kept}, listhygiene.Deliverable, reasons(listhygiene.AcceptedBefore), FromDelivery},
		{"accepts everything, and a person clicked", anna, Facts{Domain: good, Returned: back, Silence: Silence{Sign: noon.Add(-900 * 24 * time.Hour)}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"two stray reports", anna, Facts{Domain: good, Returned: Returned{Addresses: 2, Last: noon}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"reports from a domain that knows its mailboxes", anna, Facts{Domain: good, Returned: Returned{Addresses: 90, Last: noon, Refuses: true}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"reports from a provider of free mail", "anna.maier@gmail.com", Facts{Domain: good, Returned: back}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"reports from a relay service", "x7@duck.com", Facts{Domain: good, Returned: back}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"full again and again", anna, Facts{Domain: good, History: History{FullTimes: 3, Refusal: Refusal{At: noon, Bounce: reply.BounceMailboxFull, Reply: "452 4.2.2 full"}}}, listhygiene.Risky, reasons(listhygiene.MailboxFullRepeatedly), FromDelivery},
		{"full once", anna, Facts{Domain: good, History: History{FullTimes: 1, Refusal: Refusal{At: noon, Bounce: reply.BounceMailboxFull, Reply: "452 4.2.2 full"}}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"gibberish", "xkqzvbnmwrt@example.org", Facts{Domain: good}, listhygiene.Risky, reasons(listhygiene.Gibberish), FromLists},
		{"stale source", anna, Facts{Domain: good, Origin: Origin{At: ages, Stated: true}}, listhygiene.Risky, reasons(listhygiene.StaleSource), FromRecords},
		{"an old list that took mail 20 months ago", anna, Facts{Domain: good, Origin: Origin{At: ages}, History: History{Accepted: noon.AddDate(0, -20, 0)}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"an old list of which somebody clicked", anna, Facts{Domain: good, Origin: Origin{At: ages}, Silence: Silence{Sign: noon.AddDate(-1, 0, 0)}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"an old list that was mailed yesterday", anna, Facts{Domain: good, Origin: Origin{At: ages}, History: accepted}, listhygiene.Deliverable, reasons(listhygiene.AcceptedBefore), FromDelivery},
		{"a list of last year", anna, Facts{Domain: good, Origin: Origin{At: noon.AddDate(-1, 0, 0), Stated: true}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"a confirmation of long ago", anna, Facts{Domain: good, Origin: Origin{At: ages, Stated: true}, History: History{Confirmed: ages}}, listhygiene.Risky, reasons(listhygiene.StaleSource), FromRecords},
		{"no engagement", anna, Facts{Domain: good, Silence: silent, History: accepted}, listhygiene.Risky, reasons(listhygiene.NoEngagement, listhygiene.AcceptedBefore), FromRecords},
		{"SMTPUTF8", "ännä@example.org", Facts{Domain: good, UTF8: without}, listhygiene.Risky, reasons(listhygiene.SMTPUTF8UnsupportedByMX), FromDelivery},
		{"SMTPUTF8 for an address that does not need it", anna, Facts{Domain: good, UTF8: without}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"parked", anna, Facts{Domain: Domain{Found: HostMX, Hosts: []string{"mail.h-email.net"}, Reach: ReachPublic, At: noon}}, listhygiene.Risky, reasons(listhygiene.MXParked), FromDNS},
		{"nothing known", anna, Facts{Domain: good}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"an old acceptance is no proof", anna, Facts{Domain: good, History: History{Accepted: noon.Add(-181 * 24 * time.Hour)}}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"DNS trouble", anna, Facts{Domain: Domain{Found: HostTemporary, At: noon}}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"DNS trouble beside proof", anna, Facts{Domain: Domain{Found: HostTemporary, At: noon}, History: accepted}, listhygiene.Deliverable, reasons(listhygiene.AcceptedBefore), FromDelivery},
		{"never looked at", anna, Facts{}, listhygiene.Unknown, reasons(listhygiene.DNSTemporary), FromDNS},
		{"blocked by the provider", anna, Facts{Domain: good, History: refused(reply.BounceBlockedIP)}, listhygiene.Unknown, reasons(listhygiene.BlockedByProvider), FromDelivery},
		{"an old look", anna, Facts{Domain: Domain{Found: HostMX, Reach: ReachPublic, At: noon.Add(-100 * 24 * time.Hour)}}, listhygiene.Unknown, reasons(listhygiene.ExpiredResult), FromDNS},
		{"accepted", anna, Facts{Domain: good, History: accepted}, listhygiene.Deliverable, reasons(listhygiene.AcceptedBefore), FromDelivery},
		{"accepted, then refused", anna, Facts{Domain: good, History: History{Accepted: noon.Add(-48 * time.Hour), Refusal: refused(reply.BounceBadMailbox).Refusal}}, listhygiene.Undeliverable, reasons(listhygiene.MailboxUnknown), FromDelivery},
		{"refused, then accepted", anna, Facts{Domain: good, History: History{Accepted: noon, Refusal: refused(reply.BounceBadMailbox).Refusal}}, listhygiene.Deliverable, reasons(listhygiene.AcceptedBefore), FromDelivery},
		{"confirmed", anna, Facts{Domain: good, History: confirmed}, listhygiene.Deliverable, reasons(listhygiene.ConfirmedConsent), FromConsent},
		{"relay alias with a role name", "info@duck.com", Facts{Domain: good}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
		{"relay alias that looks random", "xkqzvbnmwrt@simplelogin.com", Facts{Domain: good}, listhygiene.Unproven, reasons(listhygiene.NoHistory), FromDNS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.address != "" {
				tt.facts.Address = parse(t, tt.address)
			}
			got := judge().Judge(tt.facts, noon)
			if got.Verdict != tt.want {
				t.Errorf("verdict %s, want %s", got.Verdict, tt.want)
			}
			if diff := cmp.Diff(tt.reasons, got.Reasons); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if got.Evidence.Source != tt.source || got.Evidence.Words == "" {
				t.Errorf("evidence is %+v, want it from %s", got.Evidence, tt.source)
			}
		})
	}
}

func TestAttributesAndSuggestion(t *testing.T) {
	t.Parallel()
	got := judge().Judge(Facts{Address: parse(t, "A.nna+news@gmial.com"), Domain: good}, noon)
	if got.Suggestion != "A.nna+news@gmail.com" {
		t.Errorf("suggested %q", got.Suggestion)
	}
	got = judge().Judge(Facts{Address: parse(t, "a.nna+news@gmail.com"), Domain: good}, noon)
	want := map[listhygiene.Attribute]string{listhygiene.FreeProvider: "yes", listhygiene.Provider: "Example", listhygiene.Canonical: "anna@gmail.com"}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	got = judge().Judge(Facts{Address: parse(t, "änna@bücher.ch"), Domain: good}, noon)
	if got.Attributes[listhygiene.IDN] != "bücher.ch" || got.Attributes[listhygiene.NeedsSMTPUTF8] == "" {
		t.Errorf("attributes %v", got.Attributes)
	}
}

func TestExpires(t *testing.T) {
	t.Parallel()
	accepted := noon.Add(-24 * time.Hour)
	for name, tt := range map[string]struct {
		facts Facts
		want  time.Time
	}{
		"proof": {Facts{Domain: good, History: History{Accepted: accepted}}, accepted.Add(proofFor)},
		"MX":    {Facts{Domain: good}, good.At.Add(7 * 24 * time.Hour)},
		"gone":  {Facts{Domain: missing(HostNoDomain, 1, 0)}, noon.Add(time.Hour)},
	} {
		tt.facts.Address = parse(t, "anna@example.org")
		if got := judge().Judge(tt.facts, noon); !got.Expires.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", name, got.Expires, tt.want)
		}
	}
}

// A domain that stays away is looked at after 1, 24 and 72 hours, then monthly,
// and counts as gone at 72 hours and not before.
func TestNextLookAtAMissingDomain(t *testing.T) {
	t.Parallel()
	d := missing(HostNoDomain, 1, 0)
	for i, want := range []time.Duration{time.Hour, 24 * time.Hour, 72 * time.Hour, 72*time.Hour + goneAgain} {
		next := d.NextLook()
		if next != noon.Add(want) {
			t.Fatalf("look %d is due after %s, want %s", i+2, next.Sub(noon), want)
		}
		if gone := d.Gone(); gone != (i == 3) {
			t.Errorf("after look %d gone is %v", i+1, gone)
		}
		d.At, d.GoneLooks = next, d.GoneLooks+1
	}
}

// Looks never come without a pause, and never stop.
func TestLooksAlwaysGoOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Domain{Found: rapid.SampledFrom([]MailHost{"", HostMX, HostImplicit, HostNull, HostNoDomain, HostNone, HostTemporary}).Draw(t, "found"),
			Reach:     rapid.SampledFrom([]Reach{"", ReachPublic, ReachUnroutable, ReachMissing, ReachTemporary}).Draw(t, "reach"),
			GoneLooks: rapid.IntRange(0, 9).Draw(t, "looks"), At: noon}
		d.GoneSince = noon.Add(-time.Duration(rapid.IntRange(0, 400).Draw(t, "hours")) * time.Hour)
		if wait := d.NextLook().Sub(noon); wait <= 0 || wait > goneAgain {
			t.Fatalf("%+v is looked at after %s", d, wait)
		}
	})
}

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"127.0.0.1": false, "10.1.2.3": false, "192.168.0.9": false, "172.16.0.1": false, "169.254.1.1": false,
		"100.64.0.1": false, "0.0.0.0": false, "192.0.2.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "2001:db8::1": false, "::ffff:127.0.0.1": false,
		"8.8.8.8": true, "2606:4700::1": true,
	} {
		if got := IsPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("IsPublic(%s) = %v", text, got)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	j := judge()
	facts := Facts{Address: parse(b, "anna.maier@example.org"), Domain: good}
	b.ReportAllocs()
	for b.Loop() {
		j.Judge(facts, noon)
	}
}
