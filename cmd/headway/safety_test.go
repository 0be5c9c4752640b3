package main

import (
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// outside are names whose mail servers lie outside this machine, as an ill-made
// or forged zone may say. The addresses are those of documentation (RFC 5737,
// RFC 3849) and of private networks.
var outside = []string{
	"public.test. 60 IN MX 10 mx.public.test.", "mx.public.test. 60 IN A 192.0.2.25",
	"six.test. 60 IN MX 10 mx.six.test.", "mx.six.test. 60 IN AAAA 2001:db8::25",
	"private.test. 60 IN MX 10 mx.private.test.", "mx.private.test. 60 IN A 10.0.0.25",
	"bare.test. 60 IN A 198.51.100.25",
	"mapped.test. 60 IN MX 10 mx.mapped.test.", "mx.mapped.test. 60 IN AAAA ::ffff:203.0.113.25",
}

// inside is the same with hosts on this machine, where nobody listens.
func inside() []string {
	names := regexp.MustCompile(`(60 IN A{1,4} )\S+|60( IN)`)
	records := make([]string, len(outside))
	for i, record := range outside {
		records[i] = names.ReplaceAllStringFunc(record, func(found string) string {
			if strings.HasSuffix(found, " IN") {
				return "0 IN" // not to be remembered
			}
			return "0 IN A 127.0.0.9"
		})
	}
	return records
}

// nameserver answers on loopback from the records, which can be changed.
func nameserver(t *testing.T, records []string) (address string, change func([]string)) {
	t.Helper()
	var current atomic.Value
	change = func(records []string) { current.Store(zoneOf(t, records)) }
	change(records)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(up) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, request *dns.Msg) {
			answer := new(dns.Msg)
			answer.SetReply(request)
			answer.Answer = current.Load().(map[dns.Question][]dns.RR)[dns.Question{Name: strings.ToLower(request.Question[0].Name),
				Qtype: request.Question[0].Qtype, Qclass: dns.ClassINET}]
			_ = w.WriteMsg(answer) // the client asks again when it is lost
		})}
	go func() { _ = server.ActivateAndServe() }() // ends with Shutdown
	<-up
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String(), change
}

func zoneOf(t *testing.T, records []string) map[dns.Question][]dns.RR {
	t.Helper()
	zone := make(map[dns.Question][]dns.RR)
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		q := dns.Question{Name: rr.Header().Name, Qtype: rr.Header().Rrtype, Qclass: dns.ClassINET}
		zone[q] = append(zone[q], rr)
	}
	return zone
}

// TestNothingLeavesTheSandbox: whatever DNS says, a node in sandbox mode dials
// nothing but loopback, and says so of each message. Verification would leave out
// such contacts, so the hosts move only after it.
func TestNothingLeavesTheSandbox(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	server, change := nameserver(t, inside())
	env := environ(data, "HEADWAY_SANDBOX_ENABLED=true", "HEADWAY_DNS_SERVERS="+server,
		"HEADWAY_SENDING_SMTP_PORT=2525", "HEADWAY_WEB_LISTEN=127.0.0.1:0")
	w := &world{T: t, data: data, environ: env}
	w.write("contacts.csv", "email\nana@public.test\nbo@six.test\ncy@private.test\ndee@bare.test\neve@mapped.test\n")
	w.write("letter.md", "Hello\n\n[Leave]({{ unsubscribe_url }})\n")
	node := w.serve()
	w.headway("dkim", "generate", "letters.test")
	w.draft()
	node.terminate(drainWithin)
	change(outside)
	node = w.serve() // which remembers no answer
	w.headway("campaign", "launch", "Autumn")
	var report string
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		n := w.totals()
		report = w.headway("campaign", "report", "Autumn")
		if n["targeted"] == 5 && n["queued"] == 0 && strings.Count(report, "outside loopback") >= 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the guard is not in the report:\n%s", report)
		}
	}
	if n := w.totals(); n["delivered"] != 0 || n["deferred"]+n["bounced"] != 5 {
		t.Errorf("totals %v", n)
	}
	t.Logf("%s", report)
	node.terminate(drainWithin)
	nothingRuns(t, data)
}
