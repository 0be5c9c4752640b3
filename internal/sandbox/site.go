package sandbox

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// Counts says what one provider did since the sandbox started. Accepted also
// counts what the record file already held.
type Counts struct {
	Connections int                    // opened to its hosts, refused ones included
	Open        int                    // now
	Accepted    int                    // messages that got a 250, once per recipient
	Refused     map[int]int            // refusals by code, at any phase; 0 = without a word
	Throttled   int                    // refusals with 421
	Causes      map[receiver.Cause]int // refusals by what in the description refused
}

// Refusal is one no of a receiver, and the truth behind it.
type Refusal struct {
	At       time.Time // when it was decided, before the time that saying it takes
	Provider string    // name in the file
	Reply    reply.Reply
	Cause    receiver.Cause
	Open     int // connections open at the provider then
}

// site is one provider at work: its receiver, shared by its hosts.
type site struct {
	provider *Provider
	domains  map[string]bool
	told     func(Refusal) // called for each refusal, under mu
	mu       sync.Mutex
	receiver *receiver.Receiver // guarded by mu
	counts   Counts             // guarded by mu
}

func newSite(f *File, p *Provider, start time.Time, told func(Refusal)) *site {
	s := &site{
		provider: p,
		told:     told,
		domains:  map[string]bool{},
		receiver: receiver.New(p.Spec, f.providerSeed(p.Name), start),
		counts:   Counts{Refused: map[int]int{}, Causes: map[receiver.Cause]int{}},
	}
	for _, d := range p.AllDomains() {
		s.domains[d] = true
	}
	for _, special := range f.DNS.Special {
		if special.Provider == p.Name {
			s.domains[special.Domain] = true
		}
	}
	return s
}

// connect asks the receiver about a new connection.
func (s *site) connect(from netip.Addr, host int) (receiver.Answer, receiver.ConnID) {
	var id receiver.ConnID
	a := s.ask(func(r *receiver.Receiver, now time.Time) (a receiver.Answer) {
		a, id = r.Connect(now, from, host)
		s.counts.Connections++
		return a
	})
	return a, id
}

// ask puts one question to the receiver. The clock is read under the lock, so
// that the receiver's time never goes back; nobody sleeps under it.
func (s *site) ask(question func(*receiver.Receiver, time.Time) receiver.Answer) receiver.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := question(s.receiver, time.Now())
	if !a.Accepted() {
		s.count(a)
	}
	return a
}

// refuse makes a refusal that is no matter of the receiver's, and counts it.
func (s *site) refuse(phase reply.Phase, code int, text string) receiver.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := receiver.Answer{
		Reply: reply.Reply{Phase: phase, Code: code, Lines: []string{text}},
		Cause: receiver.CauseProtocol,
	}
	s.count(a)
	return a
}

// count takes note of a refusal; mu is held.
func (s *site) count(a receiver.Answer) {
	s.counts.Refused[a.Reply.Code]++
	s.counts.Causes[a.Cause]++
	if a.Reply.Code == 421 {
		s.counts.Throttled++
	}
	s.told(Refusal{At: time.Now(), Provider: s.provider.Name, Reply: a.Reply, Cause: a.Cause, Open: s.receiver.Open()})
}

// accepted counts a message that gets, or once got, a 250.
func (s *site) accepted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Accepted++
}

func (s *site) close(id receiver.ConnID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver.Close(time.Now(), id)
}

// lacks reports whether the provider does not offer an extension.
func (s *site) lacks(e Extension) bool { return slices.Contains(s.provider.Without, e) }

func (s *site) snapshot() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.counts
	out.Open = s.receiver.Open()
	out.Refused, out.Causes = maps.Clone(out.Refused), maps.Clone(out.Causes)
	return out
}

// source returns the address that a connection comes from.
func source(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
