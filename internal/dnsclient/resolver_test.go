package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestTTL(t *testing.T) {
	t.Parallel()
	s := serve(t, soa+`
zero   0        MX 10 mx
short  30       MX 10 mx
       20       MX 20 mx2
week   604800   MX 10 mx
far    300      CNAME near
near   40       TXT "x"
`, nil)
	clock := newClock()
	r := ask(t, clock, s)
	for name, want := range map[string]time.Duration{
		"zero.test": MinTTL, "short.test": 20 * time.Second, "week.test": MaxTTL, "gone.test": time.Minute,
	} {
		answer, _ := r.MX(t.Context(), name)
		if got := answer.Expires.Sub(clock.Now()); got != want {
			t.Errorf("%s is kept for %v, want %v", name, got, want)
		}
	}
	txt, err := r.TXT(t.Context(), "far.test")
	if err != nil || txt.Expires.Sub(clock.Now()) != 40*time.Second {
		t.Errorf("an alias's answer is kept for %v (%v), want the least TTL of the chain", txt.Expires.Sub(clock.Now()), err)
	}

	s.times()
	clock.Add(20*time.Second - time.Nanosecond)
	r.MX(t.Context(), "short.test")
	r.MX(t.Context(), "GONE.test")
	if asked := s.times(); len(asked) != 0 {
		t.Errorf("asked %v before the end of the TTL", asked)
	}
	clock.Add(time.Nanosecond)
	r.MX(t.Context(), "short.test")
	if diff := cmp.Diff(map[string]int{"MX short.test": 1}, s.times()); diff != "" {
		t.Errorf("questions after the end of the TTL (-want +got):\n%s", diff)
	}
}

func TestNegativeTTLIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, "@ 604800 IN SOA ns.test. root.test. 1 3600 600 86400 604800\n", nil)
	clock := newClock()
	answer, err := ask(t, clock, s).MX(t.Context(), "gone.test")
	if got := answer.Expires.Sub(clock.Now()); !errors.Is(err, ErrNoDomain) || got != MaxNegativeTTL {
		t.Errorf("kept for %v (%v), want %v", got, err, MaxNegativeTTL)
	}
}

func TestAddrs(t *testing.T) {
	t.Parallel()
	s := serve(t, soa+`
both  AAAA ::1
      A 127.0.0.2
      A 127.0.0.3
four  A 127.0.0.4
alias CNAME both
text  TXT "x"
`, nil)
	r := ask(t, newClock(), s)
	for host, want := range map[string]string{
		"both.test":  "[127.0.0.2 127.0.0.3 ::1] <nil>",
		"four.test":  "[127.0.0.4] <nil>",
		"alias.test": "[127.0.0.2 127.0.0.3 ::1] <nil>",
		"text.test":  "[] A of text.test: no records of this type",
		"gone.test":  "[] A of gone.test: the domain does not exist",
		"a\x00.test": "[] A of a\x00.test: not a domain name",
	} {
		answer, err := r.Addrs(t.Context(), host)
		if got := fmt.Sprint(answer.Addrs, " ", err); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestAddrsWithOneFamilyUnknown(t *testing.T) {
	t.Parallel()
	s := serve(t, soa+"four A 127.0.0.4\nsix AAAA ::1\nnone TXT x\n", func(q, a *dns.Msg, _ string) *dns.Msg {
		if q.Question[0].Qtype == dns.TypeAAAA {
			a.Rcode, a.Answer = dns.RcodeServerFailure, nil
		}
		return a
	})
	r := ask(t, newClock(), s)
	if answer, err := r.Addrs(t.Context(), "four.test"); err != nil || len(answer.Addrs) != 1 {
		t.Errorf("got %v, %v although A answered", answer, err)
	}
	if _, err := r.Addrs(t.Context(), "none.test"); !Temporary(err) {
		t.Errorf("got %v, want a temporary error: AAAA may exist", err)
	}
}

func TestTXT(t *testing.T) {
	t.Parallel()
	s := serve(t, soa+`
_mta-sts.two TXT "v=STSv1; " "id=1"
             TXT "quote \" back \\ caf\195\169"
`, nil)
	r := ask(t, newClock(), s)
	answer, err := r.TXT(t.Context(), "_mta-sts.two.test")
	if diff := cmp.Diff([]string{"v=STSv1; id=1", `quote " back \ café`}, answer.Records); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := r.TXT(t.Context(), "two.test"); !errors.Is(err, ErrNoDomain) && !errors.Is(err, ErrNoRecords) {
		t.Errorf("got %v", err)
	}
}

func TestTruncatedAnswerIsAskedForByTCP(t *testing.T) {
	t.Parallel()
	networks := make(chan string, 4)
	s := serve(t, soa+"two MX 10 mx.two\n", func(q, a *dns.Msg, network string) *dns.Msg {
		networks <- network
		if network == "udp" {
			a.Truncated, a.Answer = true, nil
		}
		return a
	})
	answer, err := ask(t, newClock(), s).MX(t.Context(), "two.test")
	if err != nil || len(answer.Hosts) != 1 {
		t.Errorf("got %v, %v", answer, err)
	}
	if first, second := <-networks, <-networks; first != "udp" || second != "tcp" {
		t.Errorf("asked by %s, then %s", first, second)
	}
}

func TestServerWithoutEDNS(t *testing.T) {
	t.Parallel()
	s := serve(t, soa+"two MX 10 mx.two\n", func(q, a *dns.Msg, _ string) *dns.Msg {
		if q.IsEdns0() != nil {
			a.Rcode, a.Answer = dns.RcodeFormatError, nil
		}
		return a
	})
	if answer, err := ask(t, newClock(), s).MX(t.Context(), "two.test"); err != nil || len(answer.Hosts) != 1 {
		t.Errorf("got %v, %v", answer, err)
	}
}

func TestAnotherServerIsAsked(t *testing.T) {
	t.Parallel()
	zone := soa + "two MX 10 mx.two\nthree MX 10 mx.two\n"
	broken := serve(t, zone, func(q, a *dns.Msg, _ string) *dns.Msg { a.Rcode = dns.RcodeServerFailure; return a })
	good := serve(t, zone, nil)
	r := ask(t, newClock(), broken, good)
	if _, err := r.MX(t.Context(), "two.test"); err != nil {
		t.Fatal(err)
	}
	if broken.times()["MX two.test"] != 1 || good.times()["MX two.test"] != 1 {
		t.Error("want each server asked once")
	}
	if _, err := r.MX(t.Context(), "three.test"); err != nil || len(broken.times()) != 0 {
		t.Errorf("the server that answered last is not asked first (%v)", err)
	}
}

func TestSilentServerTimesOut(t *testing.T) {
	t.Parallel()
	silent := serve(t, "", func(_, _ *dns.Msg, _ string) *dns.Msg { return nil })
	r, err := New(Config{Servers: []netip.AddrPort{silent.addr}, Timeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.MX(t.Context(), "two.test")
	if _, isNet := errors.AsType[net.Error](err); !Temporary(err) || !isNet {
		t.Errorf("got %v, want a temporary time-out", err)
	}
	if n := silent.times()["MX two.test"]; n != rounds {
		t.Errorf("asked %d times, want %d", n, rounds)
	}
}

func TestForgedAnswersAreDropped(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		n, peer, err := packets.ReadFrom(buf)
		if err != nil {
			return
		}
		query := new(dns.Msg)
		if err := query.Unpack(buf[:n]); err != nil {
			return
		}
		send := func(host string, bend func(*dns.Msg)) {
			a := new(dns.Msg)
			a.SetReply(query)
			a.Answer = []dns.RR{&dns.MX{Hdr: dns.RR_Header{Name: "two.test.", Rrtype: dns.TypeMX, Class: dns.ClassINET, Ttl: 60}, Mx: host}}
			bend(a)
			b, _ := a.Pack()
			packets.WriteTo(b, peer)
		}
		packets.WriteTo([]byte("rubbish"), peer)
		send("forged-id.test.", func(a *dns.Msg) { a.Id++ })
		send("forged-name.test.", func(a *dns.Msg) { a.Question[0].Name = "three.test." })
		send("forged-type.test.", func(a *dns.Msg) { a.Question[0].Qtype = dns.TypeA })
		send("forged-query.test.", func(a *dns.Msg) { a.Response = false })
		send("true.test.", func(a *dns.Msg) { a.Question[0].Name = "TWO.test." })
	}()
	defer func() { packets.Close(); <-done }()
	r, err := New(Config{Servers: []netip.AddrPort{netip.MustParseAddrPort(packets.LocalAddr().String())}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.MX(t.Context(), "two.test")
	if err != nil || answer.Hosts[0].Host != "true.test" {
		t.Errorf("got %v, %v", answer, err)
	}
}

func TestOneQueryForManyCallers(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	s := serve(t, soa+"two MX 10 mx.two\n", func(_, a *dns.Msg, _ string) *dns.Msg {
		arrived <- struct{}{}
		<-release
		return a
	})
	r := ask(t, newClock(), s)

	// The first caller leaves before the answer; it must not spoil it for the rest.
	early, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := r.MX(early, "two.test")
		left <- err
	}()
	<-arrived
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a, err := r.MX(t.Context(), "two.test"); err != nil || len(a.Hosts) != 1 {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
	for waiting := 0; waiting < 21; runtime.Gosched() {
		r.flights.mu.Lock()
		waiting = r.flights.open[key{"two.test", dns.TypeMX}].waiting
		r.flights.mu.Unlock()
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left got %v", err)
	}
	close(release)
	wg.Wait()
	if n := s.times()["MX two.test"]; n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestCancelledQueryEndsAtOnceAndIsNotRemembered(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 8)
	s := serve(t, soa, func(_, _ *dns.Msg, _ string) *dns.Msg { arrived <- struct{}{}; return nil })
	r, err := New(Config{Servers: []netip.AddrPort{s.addr}, Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if _, err := r.MX(ctx, "two.test"); !errors.Is(err, context.Canceled) || !Temporary(err) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	now := newClock().Now()
	c := newCache(2)
	for _, name := range []string{"a", "b", "a", "c"} {
		if _, ok := c.get(key{name, 1}, now); !ok {
			c.put(key{name, 1}, outcome{expires: now.Add(time.Hour)})
		}
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, got := c.get(key{name, 1}, now); got != want {
			t.Errorf("%s kept: %v, want %v", name, got, want)
		}
	}
	if len(c.entries) != 2 || c.recent.Len() != 2 {
		t.Errorf("%d entries, %d in the list", len(c.entries), c.recent.Len())
	}
}

func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	outside := netip.MustParseAddrPort("192.0.2.53:53")
	if _, err := New(Config{Servers: []netip.AddrPort{outside}, LoopbackOnly: true}); err == nil {
		t.Error("a server outside loopback was accepted")
	}
	if _, err := New(Config{LoopbackOnly: true}); err == nil {
		t.Error("the machine's own servers were accepted")
	}
	// The last look, should a server get in by another way.
	r := &Resolver{servers: []netip.AddrPort{outside}, loopback: true, timeout: time.Second, now: time.Now, cache: newCache(1)}
	_, err := r.MX(t.Context(), "two.test")
	want := "MX of two.test: server 192.0.2.53:53: dial udp 192.0.2.53:53: 192.0.2.53:53 is outside loopback, and only loopback is allowed here"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSystemServers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("# local\nnameserver 127.0.0.53\nnameserver ::1\noptions edns0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := systemServers(path)
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.53:53"), netip.MustParseAddrPort("[::1]:53")}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := systemServers(path); err == nil {
		t.Error("no server, and no error")
	}
}
