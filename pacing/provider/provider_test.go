package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// mx makes hosts of the same preference, unless the name begins with "20 ".
func mx(names ...string) []Host {
	var hosts []Host
	for _, name := range names {
		h := Host{Name: name, Pref: 10}
		if rest, ok := strings.CutPrefix(name, "20 "); ok {
			h = Host{Name: rest, Pref: 20}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain string
		mx           []Host
		want         Provider
	}{
		{"Gmail", "gmail.com", mx("gmail-smtp-in.l.google.com.", "20 alt1.gmail-smtp-in.l.google.com."), Provider{Key: "google", Name: "Google"}},
		{"Workspace, new name", "example.org", mx("SMTP.GOOGLE.COM"), Provider{Key: "google", Name: "Google"}},
		{"AOL", "aol.com", mx("mx-aol.mail.gm0.yahoodns.net"), Provider{Key: "yahoo", Name: "Yahoo and AOL"}},
		{"Outlook.com", "hotmail.com", mx("hotmail-com.olc.protection.outlook.com"), Provider{Key: "microsoft", Name: "Outlook.com"}},
		{"Microsoft 365", "example.org", mx("example-org.mail.protection.outlook.com"), Provider{Key: "microsoft-365", Name: "Microsoft 365", Customer: "example-org"}},
		{"Microsoft 365, new name", "example.org", mx("example-org.a-v1.mx.microsoft"), Provider{Key: "microsoft-365", Name: "Microsoft 365", Customer: "example-org"}},
		{"Proofpoint", "example.org", mx("mx0a-001b2d01.pphosted.com", "mx0b-001b2d01.pphosted.com"), Provider{Key: "proofpoint", Name: "Proofpoint", Customer: "001b2d01"}},
		{"Mimecast", "Example.org.", mx("eu-smtp-inbound-1.mimecast.com"), Provider{Key: "mimecast", Name: "Mimecast", Customer: "example.org"}},
		{"Barracuda", "example.org", mx("d123456a.ess.barracudanetworks.com", "20 d123456b.ess.barracudanetworks.com"), Provider{Key: "barracuda", Name: "Barracuda", Customer: "123456"}},
		{"Cisco", "example.org", mx("mx1.hc1234-56.iphmx.com"), Provider{Key: "cisco", Name: "Cisco Secure Email", Customer: "hc1234-56"}},
		{"a small hoster", "example.org", mx("mx1.mail.hoster.co.uk", "mx2.mail.hoster.co.uk"), Provider{Key: "hoster.co.uk", Name: "hoster.co.uk"}},
		{"its own hosts", "example.org", mx("mail.example.org"), Provider{Key: "example.org", Name: "example.org"}},
		{"only the most preferred count", "example.org", mx("mx.hoster.net", "20 aspmx.l.google.com"), Provider{Key: "hoster.net", Name: "hoster.net"}},
		{"one of the table among equals", "example.org", mx("mx.hoster.net", "aspmx.l.google.com"), Provider{Key: "google", Name: "Google"}},
		{"the more common name", "example.org", mx("a.alpha.net", "b.beta.net", "c.beta.net"), Provider{Key: "beta.net", Name: "beta.net"}},
		{"a tie does not depend on the order", "example.org", mx("b.beta.net", "a.alpha.net"), Provider{Key: "alpha.net", Name: "alpha.net"}},
		{"implicit MX", "mail.example.org", nil, Provider{Key: "example.org", Name: "example.org"}},
		{"null MX", "example.org", []Host{{Name: ".", Pref: 0}}, Provider{}},
		{"a name that only looks like Google", "example.org", mx("mx.google.com.evil.example"), Provider{Key: "evil.example", Name: "evil.example"}},
		{"a name that ends like Google", "example.org", mx("mx.notgoogle.com"), Provider{Key: "notgoogle.com", Name: "notgoogle.com"}},
		{"an address for a name", "example.org", mx("192.0.2.1"), Provider{Key: "192.0.2.1", Name: "192.0.2.1"}},
		{"a public suffix", "co.uk", nil, Provider{Key: "co.uk", Name: "co.uk"}},
		{"an internationalised name", "bücher.example", nil, Provider{Key: "xn--bcher-kva.example", Name: "xn--bcher-kva.example"}},
		{"an underscore", "example.org", mx("mx_1.hoster.net"), Provider{Key: "hoster.net", Name: "hoster.net"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Identify(test.domain, test.mx)); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

// The order in which DNS returns the hosts, their case and final dots change
// nothing.
func TestIdentifyOrder(t *testing.T) {
	t.Parallel()
	names := []string{"aspmx.l.google.com", "mx.alpha.net", "mx.beta.net", "mx2.beta.net", "eu.mimecast.com", "d1a.ess.barracudanetworks.com", "."}
	rapid.Check(t, func(t *rapid.T) {
		hosts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Host {
			return Host{rapid.SampledFrom(names).Draw(t, "name"), rapid.SampledFrom([]uint16{0, 10, 65535}).Draw(t, "pref")}
		}), 1, 6).Draw(t, "hosts")
		other := rapid.Permutation(hosts).Draw(t, "other order")
		for i := range other {
			if rapid.Bool().Draw(t, "written differently") {
				other[i].Name = strings.ToUpper(strings.TrimSuffix(other[i].Name, ".")) + "."
			}
		}
		if a, b := Identify("example.org", hosts), Identify("EXAMPLE.org.", other); a != b {
			t.Errorf("%v: %+v\n%v: %+v", hosts, a, other, b)
		}
	})
}

// Every provider of the table has a name, suffixes under which it is found, and
// limits that one can begin with.
func TestTable(t *testing.T) {
	t.Parallel()
	table, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table.entries {
		if len(e.MX) == 0 {
			t.Errorf("%s: no suffix", e.Key)
		}
		for _, suffix := range e.MX {
			if suffix != canonical(suffix) {
				t.Errorf("%s: suffix %q is not in canonical form", e.Key, suffix)
			}
			if p := Identify("example.org", mx("mx1."+suffix)); p.Key != e.Key {
				t.Errorf("mx1.%s: %s, want %s", suffix, p.Key, e.Key)
			}
		}
		p := Limits(e.Key)
		if p.Lanes < 1 || p.Messages < 1 || p.MostLanes != 0 && p.MostLanes < p.Lanes || p.Why == "" || p.Source == "" || p.Quota > 0 && p.Window == 0 {
			t.Errorf("%s: limits %+v", e.Key, p)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key             string
		lanes, messages int
	}{
		{"google", 3, 50},
		{"apple", 4, 5},
		{"microsoft-365", 3, 50},
		{"proofpoint-essentials", 2, 20}, // nothing known of either
		{"gmx-unheard-of", 2, 20},        // as gmx
		{"example.org", 2, 20},
		{"google-fans.example", 2, 20}, // a name, not a narrower key
		{"", 2, 20},
	} {
		if p := Limits(test.key); p.Lanes != test.lanes || p.Messages != test.messages {
			t.Errorf("%q: %d lanes, %d messages; want %d, %d", test.key, p.Lanes, p.Messages, test.lanes, test.messages)
		}
	}
	if p := Limits("gmx-unheard-of"); p.MostLanes != 4 {
		t.Errorf("a narrowed key does not take the limits of the wider: %+v", p)
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"key twice":        "- {key: a, name: A, mx: [a.com]}\n- {key: a, name: B, mx: [b.com]}",
		"suffix twice":     "- {key: a, name: A, mx: [a.com]}\n- {key: b, name: B, mx: [a.com]}",
		"no name":          "- {key: a, mx: [a.com]}",
		"unknown field":    "- {key: a, name: A, mx: [a.com], lanes: 3}",
		"customer pattern": "- {key: a, name: A, mx: [a.com], customer: '^no-group'}",
	} {
		if _, err := parse([]byte(file)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Every provider that a reply rule names can be identified: a rule for a key that
// nobody has would never be its provider's own.
func TestRulesNameKnownProviders(t *testing.T) {
	t.Parallel()
	for _, r := range reply.Default().All() {
		for _, key := range r.Providers {
			if _, ok := Known(key); !ok {
				t.Errorf("rule %s names the provider %q, which providers.yaml does not have", r.ID, key)
			}
		}
	}
	if !slices.ContainsFunc(reply.Default().All(), func(r reply.Rule) bool { return r.For("microsoft-365") }) {
		t.Error("no rule holds for microsoft-365")
	}
}

// Every page for senders belongs to a provider of the table or a filter of it.
func TestPostmasters(t *testing.T) {
	t.Parallel()
	for key, p := range postmasters {
		if _, ok := Known(key); !ok {
			t.Errorf("%s is no provider", key)
		}
		if p.Contact == "" && p.Figures == "" {
			t.Errorf("%s leads nowhere", key)
		}
	}
	for key, want := range map[string]string{"example.org": "mailto:postmaster@example.org", "microsoft-365": "https://sender.office.com/", "posteo": ""} {
		if got := PostmasterOf(key).Contact; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
