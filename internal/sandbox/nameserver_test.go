package sandbox

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const names = `
providers:
  - name: Northmail
    domains: [northmail.test]
    series: {pattern: "n{n}.test", count: 2}
    hosts: {count: 2, preferences: [10, 20]}
dns:
  ttl: 30s
  records:
    - sender.test TXT v=spf1 ip4:127.0.0.0/8 -all
    - sender.test MX 10 bounce.sender.test.
    - bounce.sender.test A 127.0.0.1
    - www.sender.test CNAME bounce.sender.test.
    - loop.test CNAME loop.test.
    - deep.down.below.test A 127.0.0.1
  special:
    - {domain: gone.test, kind: nxdomain}
    - {domain: nomail.test, kind: null_mx}
    - {domain: broken.test, kind: servfail}
    - {domain: mute.test, kind: no_answer}
    - {domain: bare.test, kind: implicit_mx, provider: Northmail}
    - {domain: dead.test, kind: dead_mx}
    - {domain: closed.test, kind: unroutable}
`

// answer writes a response in one line: the code, then what it answers.
func answer(r *dns.Msg) string {
	words := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		words = append(words, strings.Join(strings.Fields(rr.String())[3:], " "))
	}
	slices.Sort(words[1:])
	return strings.Join(words, "; ")
}

func TestTheNameServerKnowsTheDescribedInternet(t *testing.T) {
	t.Parallel()
	s := run(t, names, Options{})
	s.AddTXT("s1._domainkey.sender.test", "v=DKIM1; p="+strings.Repeat("A", 300))
	for _, test := range []struct {
		name string
		kind uint16
		want string
	}{
		{"northmail.test", dns.TypeMX, "NOERROR; MX 10 mx1.northmail.test.; MX 20 mx2.northmail.test."},
		{"NorthMail.TEST", dns.TypeMX, "NOERROR; MX 10 mx1.northmail.test.; MX 20 mx2.northmail.test."},
		{"n2.test", dns.TypeMX, "NOERROR; MX 10 mx1.northmail.test.; MX 20 mx2.northmail.test."},
		{"mx2.northmail.test", dns.TypeA, "NOERROR; A 127.77.0.2"},
		{"mx2.northmail.test", dns.TypeAAAA, "NOERROR"},
		{"2.0.77.127.in-addr.arpa", dns.TypePTR, "NOERROR; PTR mx2.northmail.test."},
		{"northmail.test", dns.TypeA, "NOERROR"},
		{"www.northmail.test", dns.TypeA, "NXDOMAIN"},
		{"below.test", dns.TypeA, "NOERROR"},
		{"gone.test", dns.TypeMX, "NXDOMAIN"},
		{"nomail.test", dns.TypeMX, "NOERROR; MX 0 ."},
		{"broken.test", dns.TypeMX, "SERVFAIL"},
		{"_dmarc.broken.test", dns.TypeTXT, "SERVFAIL"},
		{"bare.test", dns.TypeMX, "NOERROR"},
		{"bare.test", dns.TypeA, "NOERROR; A 127.77.0.1"},
		{"dead.test", dns.TypeMX, "NOERROR; MX 10 nowhere.dead.test."},
		{"nowhere.dead.test", dns.TypeA, "NXDOMAIN"},
		{"mx.closed.test", dns.TypeA, "NOERROR; A 127.254.254.254"},
		{"sender.test", dns.TypeTXT, `NOERROR; TXT "v=spf1 ip4:127.0.0.0/8 -all"`},
		{"www.sender.test", dns.TypeA, "NOERROR; A 127.0.0.1; CNAME bounce.sender.test."},
		{"loop.test", dns.TypeA, "NOERROR" + strings.Repeat("; CNAME loop.test.", maxChain)},
		{"s1._domainkey.sender.test", dns.TypeTXT, `NOERROR; TXT "v=DKIM1; p=` + strings.Repeat("A", 244) + `" "` + strings.Repeat("A", 56) + `"`},
	} {
		for _, network := range []string{"udp", "tcp"} {
			c := dns.Client{Net: network, Timeout: patience}
			q := new(dns.Msg).SetQuestion(dns.Fqdn(test.name), test.kind)
			q.SetEdns0(4096, true)
			r, _, err := c.Exchange(q, s.DNSAddr())
			if err != nil {
				t.Fatalf("%s %s: %v", network, test.name, err)
			}
			if got := answer(r); got != test.want {
				t.Errorf("%s %s %s:\n got %s\nwant %s", network, test.name, dns.TypeToString[test.kind], got, test.want)
			}
			if len(r.Answer) == 0 && r.Rcode != dns.RcodeServerFailure {
				if soa, ok := r.Ns[0].(*dns.SOA); !ok || soa.Minttl != 30 || soa.Hdr.Ttl != 30 {
					t.Errorf("%s: a negative answer without its TTL: %v", test.name, r.Ns)
				}
			}
			for _, rr := range r.Answer {
				if rr.Header().Ttl != 30 {
					t.Errorf("TTL %d, want 30: %s", rr.Header().Ttl, rr)
				}
			}
		}
	}
}

func TestAMuteDomainGetsNoAnswer(t *testing.T) {
	t.Parallel()
	s := run(t, names, Options{})
	c := dns.Client{Timeout: 100 * time.Millisecond}
	if r, _, err := c.Exchange(new(dns.Msg).SetQuestion("mail.mute.test.", dns.TypeMX), s.DNSAddr()); err == nil {
		t.Errorf("it answered %s", answer(r))
	}
}

func TestLongAnswersAreCutOverUDP(t *testing.T) {
	t.Parallel()
	s := run(t, names, Options{})
	s.AddTXT("long.test", strings.Repeat("x", 2000))
	q := new(dns.Msg).SetQuestion("long.test.", dns.TypeTXT)
	r, _, err := new(dns.Client).Exchange(q, s.DNSAddr())
	if err != nil || !r.Truncated {
		t.Errorf("over UDP: truncated %v, %v; want a truncated answer", r != nil && r.Truncated, err)
	}
	r, _, err = (&dns.Client{Net: "tcp"}).Exchange(q, s.DNSAddr())
	if err != nil || r.Truncated {
		t.Fatalf("over TCP: %v", err)
	}
	if diff := cmp.Diff(strings.Repeat("x", 2000), strings.Join(r.Answer[0].(*dns.TXT).Txt, "")); diff != "" {
		t.Error(diff)
	}
}

func TestMailForABareDomainIsTaken(t *testing.T) {
	t.Parallel()
	s := run(t, names, Options{})
	dial(t, s, "127.0.0.1", 0).play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n250 …\n> RCPT TO:<ana@bare.test>\n250 …\n> RCPT TO:<ana@n1.test>\n250 …\n> RCPT TO:<ana@gone.test>\n554 …\n")
}
