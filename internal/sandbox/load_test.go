package sandbox

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultHasWhatTheDemoShows(t *testing.T) {
	t.Parallel()
	f := Default()
	domains := map[string]bool{}
	for i := range f.Providers {
		for _, d := range f.Providers[i].AllDomains() {
			domains[d] = true
		}
	}
	if len(f.Providers) < 9 || len(domains) < 40 || f.List.Count != 5000 {
		t.Errorf("%d providers, %d domains, %d contacts; want ≥ 9, ≥ 40, 5000", len(f.Providers), len(domains), f.List.Count)
	}
}

// The mistakes that a person makes, and what they are told.
func TestLoadExplainsEveryMistake(t *testing.T) {
	t.Parallel()
	const good = "providers:\n  - {name: Northmail, domains: [northmail.test]}\n"
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing wrong": {good, nil},
		"not YAML":      {"providers: [", []string{"line 1, column 12: is not YAML: sequence end token ']' not found"}},
		"no provider":   {"seed: 1\n", []string{"line 1, column 1: providers: is missing; describe at least one provider"}},
		"a rate in words and a share in the wrong unit": {
			"providers:\n  - name: A\n    domains: [a.test]\n    limits:\n      - bucket: {rate: fast}\n    mailboxes: {unknown: 120}\n",
			[]string{
				`line 5, column 24: providers[0].limits[0].bucket.rate: "fast" is not a rate; write a number per unit, e.g. 10/s, 120/min, 1200/h or 10000/day`,
				`line 6, column 26: providers[0].mailboxes.unknown: "120" is not a share; write a percentage from 0% to 100%, e.g. 2.5%`,
			},
		},
		"a mistake of meaning is told beside an unreadable value, but not because of it": {
			"providers:\n  - name: A\n    domains: [a.test]\n    limits:\n      - bucket: {rate: fast}\n    greylist: {delay: 5h}\n",
			[]string{
				`line 5, column 24: providers[0].limits[0].bucket.rate: "fast" is not a rate; write a number per unit, e.g. 10/s, 120/min, 1200/h or 10000/day`,
				`line 6, column 5: providers[0].greylist.window: is 4h0m0s, not longer than the delay of 5h0m0s, so that no retry would ever pass`,
			},
		},
		"unknown keys": {
			"providers:\n  - name: A\n    domains: [a.test]\n    limit: []\n    greylist: {wait: 1s}\ncolour: red\n",
			[]string{
				`line 4, column 5: providers[0].limit: "limit" is not known here; did you mean "limits"?`,
				`line 5, column 5: providers[0].greylist.delay: must be longer than 0; write e.g. 300s`,
				`line 5, column 16: providers[0].greylist.wait: "wait" is not known here; known keys: answer, by, delay, window`,
				`line 6, column 1: colour: "colour" is not known here; known keys: contacts, dns, people, providers, seed`,
			},
		},
		"names": {
			"providers:\n  - name: A\n    domains: [a.test, a.test, real.com, Upper.test, x]\n" +
				"  - name: A\n    domains: [a.test]\n    hosts: {names: [mx1.a.test]}\n  - domains: []\n",
			[]string{
				`line 3, column 23: providers[0].domains[1]: a.test stands at providers[0].domains[0] already; a domain has one owner`,
				`line 3, column 31: providers[0].domains[2]: "real.com" could be somebody's real domain; use one that ends in .test, .example or .invalid (RFC 2606)`,
				`line 3, column 41: providers[0].domains[3]: "Upper.test" is not a domain; labels consist of a to z, 0 to 9 and inner dashes, in lower case`,
				`line 3, column 53: providers[0].domains[4]: "x" is not a domain; write e.g. northmail.test`,
				`line 4, column 11: providers[1].name: "A" is the name of two providers; change one`,
				`line 5, column 15: providers[1].domains[0]: a.test stands at providers[0].domains[0] already; a domain has one owner`,
				`line 6, column 21: providers[1].hosts.names[0]: mx1.a.test is a host of providers[0] already; a host has one owner`,
				`line 7, column 5: providers[2].name: is missing; give the provider a name`,
				`line 7, column 5: providers[2].domains: is missing; write the domains of its recipients, e.g. [northmail.test]`,
			},
		},
		"shares": {
			"providers:\n  - {name: A, domains: [a.test], share: 60%}\n  - {name: B, domains: [b.test], share: 50%}\n",
			[]string{`line 3, column 41: providers[1].share: brings the shares of the providers to 110%, more than 100%`},
		},
		"shares that leave contacts over": {
			"providers:\n  - {name: A, domains: [a.test], share: 60%}\n",
			[]string{`line 1, column 1: providers: have 60% of the contacts together and every one has a share; make it 100%, or leave out one share, which then takes the rest`},
		},
		"hosts, series and extensions": {
			"providers:\n  - name: A\n    series: {pattern: x.test, count: 3}\n    hosts: {count: 99}\n    without: [TLS, SIZE, SIZE]\n" +
				"  - name: B\n    series: {pattern: \"b{n}.test\", count: 0}\n    hosts: {names: [mx.b.test, b.org], preferences: [10, 70000, 30]}\n",
			[]string{
				`line 3, column 23: providers[0].series.pattern: "x.test" does not hold {n} once; write e.g. "branch{n}.test"`,
				`line 4, column 20: providers[0].hosts.count: is 99; write a number from 1 to 50`,
				`line 5, column 15: providers[0].without[0]: "TLS" is not an extension that can be switched off; write STARTTLS, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, SIZE`,
				`line 5, column 26: providers[0].without[2]: SIZE occurs twice`,
				`line 7, column 43: providers[1].series.count: is 0; write a number of domains from 1 to 10000`,
				`line 8, column 32: providers[1].hosts.names[1]: "b.org" could be somebody's real domain; use one that ends in .test, .example or .invalid (RFC 2606)`,
				`line 8, column 40: providers[1].hosts.preferences: has 3 preferences for 2 hosts`,
				`line 8, column 58: providers[1].hosts.preferences[1]: is 70000; write a number from 0 to 65535`,
			},
		},
		"a named mailbox elsewhere": {
			"providers:\n  - name: A\n    domains: [a.test]\n    mailboxes:\n      named:\n        ana@b.test: full\n",
			[]string{`line 6, column 9: providers[0].mailboxes.named.ana@b.test: b.test is not a domain of this provider`},
		},
		"special domains": {
			good + "dns:\n  ttl: 2d\n  special:\n    - {domain: northmail.test, kind: nxdomain}\n    - {domain: x.test, kind: broken}\n    - {domain: y.test, kind: implicit_mx}\n    - {domain: z.test, kind: null_mx, provider: Northmail, contacts: -1}\n",
			[]string{
				`line 4, column 8: dns.ttl: "2d" is not a duration; write a number with its unit, e.g. 250ms, 8s, 5m or 24h`,
				`line 6, column 16: dns.special[0].domain: northmail.test stands at providers[0].domains[0] already; a domain has one owner`,
				`line 6, column 16: dns.special[0].domain: the MX host mx1.northmail.test is under northmail.test and could not be found`,
				`line 7, column 30: dns.special[1].kind: "broken" is not a kind of special domain; write nxdomain, null_mx, servfail, no_answer, implicit_mx, dead_mx, unroutable`,
				`line 8, column 7: dns.special[2].provider: "" is not a provider; name the one whose host takes the mail`,
				`line 9, column 49: dns.special[3].provider: has no effect; only implicit_mx has a provider`,
				`line 9, column 70: dns.special[3].contacts: must not be negative`,
			},
		},
		"records": {
			good + "dns:\n  special: [{domain: gone.test, kind: servfail}]\n  records:\n    - sender.test TXT v=spf1 -all\n    - northmail.test MX 10 mx.other.test.\n    - a.com A 127.0.0.1\n    - b.test A 192.0.2.1\n    - b.test A\n    - c.test MX ten\n    - _dmarc.gone.test TXT v=DMARC1\n",
			[]string{
				`line 7, column 7: dns.records[1]: northmail.test has the MX records of providers[0].domains[0] already`,
				`line 8, column 7: dns.records[2]: "a.com" could be somebody's real name; use one that ends in .test, .example, .invalid or .in-addr.arpa`,
				`line 9, column 7: dns.records[3]: 192.0.2.1 is not on loopback; the sandbox only knows 127.0.0.0/8`,
				`line 10, column 7: dns.records[4]: "b.test A" is not a record; write "name TYPE value", e.g. "sender.test TXT v=spf1 -all"`,
				`line 11, column 7: dns.records[5]: "c.test MX ten" is not a record; write "name TYPE value" as in a zone file: dns: bad MX Pref: "ten" at line: 1:20`,
				`line 12, column 7: dns.records[6]: is never seen, since gone.test is servfail`,
			},
		},
		"contacts": {
			good + "contacts:\n  count: 10\n  fields: [city, shoe_size, city]\n  duplicates: 4\n  bad: {no_at: 6, rotten: 1}\n",
			[]string{
				`line 3, column 1: contacts: has 10 rows, but bad rows, duplicates and special domains take 11 of them; raise count`,
				`line 5, column 18: contacts.fields[1]: "shoe_size" is not a column that can be filled; write first_name, last_name, city, language, joined, plan`,
				`line 5, column 29: contacts.fields[2]: city occurs twice`,
				`line 7, column 19: contacts.bad.rotten: "rotten" is not a kind of bad row; write no_at, double_at, two_addresses, empty, no_domain, bad_domain, reserved_name, inner_space, quoted_junk, typo_domain, spaces, wrong_encoding, missing_fields`,
			},
		},
		"people": {
			good + "people: {unsubscribe: 60%, later: 50%, after: -1s}\n",
			[]string{
				`line 3, column 1: people: more than 100% unsubscribe; unsubscribe and later add up to at most 100%`,
				`line 3, column 47: people.after: must not be negative`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems, err := Load(strings.NewReader(test.text), "test.yaml")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckPrintsMistakesOrASummary(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Check(&out, bytes.NewReader(DefaultYAML()), "default.yaml"); err != nil {
		t.Fatal(err)
	}
	if want := "default.yaml: no mistakes; 10 providers with 20 hosts, 52 domains, 5000 contacts\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	err := Check(&out, strings.NewReader("seed: x\n"), "my.yaml")
	if !errors.Is(err, ErrMistakes) {
		t.Errorf("error %v, want ErrMistakes", err)
	}
	if want := "my.yaml: line 1, column 7: seed: \"x\" is not a whole number from 0 on in range\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(DefaultYAML())
	f.Add(everything(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, problems, err := Load(bytes.NewReader(data), "fuzz.yaml")
		if err != nil || len(problems) > 0 || file.List.Count > 1000 {
			return
		}
		// What was found good must work.
		if _, err := file.WriteCSV(&bytes.Buffer{}, 0); err != nil {
			t.Fatal(err)
		}
	})
}

// everything returns a file that holds every key.
func everything(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
