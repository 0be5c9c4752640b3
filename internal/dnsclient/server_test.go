package dnsclient

import (
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real DNS server on loopback that answers from a zone file and
// counts what it was asked.
type server struct {
	addr  netip.AddrPort
	mu    sync.Mutex
	asked map[string]int // "MX example.test" → times; guarded by mu
}

// reply lets a test bend the answer that the zone gives; returning nil sends nothing.
type reply func(q, answer *dns.Msg, network string) *dns.Msg

// serve starts a server for zone, in zone file syntax, under the origin "test.".
func serve(t testing.TB, zone string, bend reply) *server {
	t.Helper()
	rrs := make(map[string][]dns.RR)
	parser := dns.NewZoneParser(strings.NewReader("$ORIGIN test.\n$TTL 300\n"+zone), "", "zone")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		owner := wire(rr.Header().Name)
		rrs[owner] = append(rrs[owner], rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}

	s := &server{asked: make(map[string]int)}
	handler := func(network string) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			name, qtype := wire(q.Question[0].Name), q.Question[0].Qtype
			s.mu.Lock()
			s.asked[dns.TypeToString[qtype]+" "+name]++
			s.mu.Unlock()
			answer := answerFrom(rrs, q, name, qtype)
			if bend != nil {
				answer = bend(q, answer, network)
			}
			if answer != nil {
				w.WriteMsg(answer)
			}
		}
	}
	listener, packets := listen(t)
	s.addr = netip.MustParseAddrPort(listener.Addr().String())
	for _, d := range []*dns.Server{
		{PacketConn: packets, Handler: handler("udp")},
		{Listener: listener, Handler: handler("tcp")},
	} {
		started, stopped := make(chan struct{}), make(chan struct{})
		d.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(stopped)
			d.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() { d.Shutdown(); <-stopped })
	}
	return s
}

// listen opens one port for both transports. What is free for one may be taken
// for the other, so it tries again.
func listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 50 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", listener.Addr().String()); err == nil {
			return listener, packets
		}
		listener.Close()
	}
	t.Fatal("no port that is free for both TCP and UDP")
	return nil, nil
}

func answerFrom(zone map[string][]dns.RR, q *dns.Msg, name string, qtype uint16) *dns.Msg {
	a := new(dns.Msg)
	a.SetReply(q)
	a.RecursionAvailable = true
	for _, rr := range zone[name] {
		if t := rr.Header().Rrtype; t == qtype || t == dns.TypeCNAME {
			a.Answer = append(a.Answer, rr)
		}
	}
	if len(a.Answer) > 0 {
		return a
	}
	if len(zone[name]) == 0 {
		a.Rcode = dns.RcodeNameError
	}
	for _, rr := range zone["test"] {
		if rr.Header().Rrtype == dns.TypeSOA {
			a.Ns = append(a.Ns, rr)
		}
	}
	return a
}

// times returns how often each question came, and forgets them.
func (s *server) times() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := maps.Clone(s.asked)
	clear(s.asked)
	return was
}

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func ask(t testing.TB, c *clock, servers ...*server) *Resolver {
	t.Helper()
	cfg := Config{LoopbackOnly: true, Timeout: 2 * time.Second, Now: c.Now}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, s.addr)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
