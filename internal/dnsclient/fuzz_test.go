package dnsclient

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzRead feeds whole messages to the reader of answers.
func FuzzRead(f *testing.F) {
	for _, zone := range []string{
		"two.test. 60 IN MX 10 mx.two.test.", "two.test. 60 IN CNAME two.test.",
		`two.test. 60 IN TXT "a\000b"`, "two.test. 60 IN AAAA ::ffff:127.0.0.1",
	} {
		m := new(dns.Msg)
		m.SetQuestion("two.test.", dns.TypeMX)
		rr, err := dns.NewRR(zone)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = []dns.RR{rr}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		for _, qtype := range []uint16{dns.TypeMX, dns.TypeA, dns.TypeAAAA, dns.TypeTXT} {
			o := read(m, "two.test", qtype)
			if records := len(o.mx) + len(o.addrs) + len(o.txt); (o.kind == some) != (records > 0) {
				t.Fatalf("kind %d with %d records", o.kind, records)
			}
			if o.ttl < 0 || o.ttl > MaxTTL {
				t.Fatalf("TTL %v", o.ttl)
			}
			if o.kind == alias && o.target == "two.test" && len(m.Answer) == 0 {
				t.Fatal("an alias out of nothing")
			}
		}
	})
}

// FuzzCanonical checks that what passes can be asked for, and is its own
// canonical form.
func FuzzCanonical(f *testing.F) {
	for _, name := range []string{"two.test", "TWO.test.", "bücher.test", "_dmarc.two.test", "a..b", `a\.b`, "☃.test", "xn--zz-.test"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := canonical(name)
		if !ok {
			return
		}
		if again, ok := canonical(got); !ok || again != got {
			t.Fatalf("%q became %q, and that %q", name, got, again)
		}
		if got != strings.ToLower(got) {
			t.Fatalf("%q is not lower case", got)
		}
		if _, err := question(got, dns.TypeMX).Pack(); err != nil {
			t.Fatalf("%q cannot be asked for: %v", got, err)
		}
	})
}
