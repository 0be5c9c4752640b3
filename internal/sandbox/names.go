package sandbox

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Names is a name server alone, without receivers: for what only asks DNS. It
// counts what it is asked.
type Names struct {
	server *nameserver
	mu     sync.Mutex
	asked  map[dns.Question]int // guarded by mu
	answer int                  // questions more are answered while held is there; guarded by mu
	held   chan struct{}        // closed when all are answered again; guarded by mu
}

// StartNames starts a name server on loopback for records in zone-file form.
// ttl is theirs where they name none, and that of negative answers; each answer
// takes latency.
func StartNames(records []string, ttl, latency time.Duration) (*Names, error) {
	z := &zone{ttl: ttl, broken: map[string]SpecialKind{}, records: make(map[string][]dns.RR, len(records)), parents: map[string]bool{}}
	for _, text := range records {
		rr, err := parseRecord(text, ttl)
		if err != nil {
			return nil, fmt.Errorf("record %q: %w", text, err)
		}
		z.add(rr)
	}
	n := &Names{asked: make(map[dns.Question]int)}
	var err error
	n.server, err = startNameserver(z, func(q dns.Question) {
		q.Name = strings.ToLower(q.Name)
		n.hold(q)
		time.Sleep(latency)
	})
	return n, err
}

// Addr returns where the server listens.
func (n *Names) Addr() netip.AddrPort { return netip.MustParseAddrPort(n.server.addr) }

// Asked returns the number of questions so far, and of those that came more than
// once.
func (n *Names) Asked() (questions, repeated int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, times := range n.asked {
		questions += times
		repeated += times - 1
	}
	return questions, repeated
}

// HoldAfter has the server answer a number of questions more, and then nobody
// until release is called.
func (n *Names) HoldAfter(questions int) (release func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	held := make(chan struct{})
	n.answer, n.held = questions, held
	return sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.held = nil
		close(held)
	})
}

// hold counts a question, and waits while it is held.
func (n *Names) hold(q dns.Question) {
	n.mu.Lock()
	n.asked[q]++
	n.answer--
	held := n.held
	wait := held != nil && n.answer < 0
	n.mu.Unlock()
	if wait {
		<-held
	}
}

// Forget lets the count begin again.
func (n *Names) Forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.asked)
}

// Stop ends the server.
func (n *Names) Stop(ctx context.Context) error { return n.server.stop(ctx) }
