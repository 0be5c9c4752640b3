package smtpout

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// search looks for a host that takes a session.
type search struct {
	d         *Dialer
	domain    string
	least     TLSMode
	avoid     []string // hosts to try last
	policy    TLSPolicy
	relay     *Relay // nil when the domain's own mail hosts are asked
	mx        dnsclient.MXAnswer
	failures  []*Failure
	addresses int // connected to
	refusals  int // in words
}

// run tries host after host.
func (s *search) run(ctx context.Context) (*Session, error) {
	hosts, f := s.hosts(ctx)
	if f != nil {
		return nil, verdict(s.domain, []*Failure{f})
	}
	for _, host := range hosts {
		session, done := s.tryHost(ctx, host)
		if session != nil {
			return session, nil
		}
		if done {
			break
		}
	}
	return nil, verdict(s.domain, s.failures)
}

// hosts returns the names to try, in order, at least one.
func (s *search) hosts(ctx context.Context) ([]string, *Failure) {
	relay, ok, err := s.d.Relays.For(ctx, s.domain)
	if err != nil {
		return nil, fromDNS(ctx, err)
	}
	if ok {
		s.relay, s.policy = &relay, TLSPolicy{Mode: max(relay.TLS, s.least), Roots: s.d.TLS.Roots}
		return []string{relay.Host}, nil
	}
	if s.mx, s.policy, err = s.d.terms(ctx, s.domain, s.least); err != nil {
		return nil, fromDNS(ctx, err)
	}
	if s.mx.Null {
		return nil, without(StageRoute, "5.1.10", ErrNullMX) // RFC 7505 §4.2
	}
	var names []string
	for _, mx := range s.order() {
		if s.policy.allows(mx.Host) {
			names = append(names, mx.Host)
		}
	}
	if len(names) == 0 {
		return nil, without(StageRoute, "4.7.5", ErrHostNotIn) // the policy may be renewed: RFC 8461 §5.1
	}
	return names, nil
}

// order shuffles equals (RFC 5321 §5.1) and puts those that failed lately, or
// that the caller wants to avoid, last.
func (s *search) order() []dnsclient.MX {
	hosts, now := slices.Clone(s.mx.Hosts), time.Now()
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(a, b dnsclient.MX) int {
		return cmp.Or(
			later(s.shunned(a.Host, now), s.shunned(b.Host, now)),
			cmp.Compare(a.Preference, b.Preference),
		)
	})
	return hosts
}

func (s *search) shunned(host string, now time.Time) bool {
	return slices.Contains(s.avoid, host) || s.d.Memory.shunned(host, now)
}

// later orders false before true.
func later(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// tryHost tries the addresses of one host (race.go). done ends the search.
func (s *search) tryHost(ctx context.Context, host string) (_ *Session, done bool) {
	addrs, f := s.addrs(ctx, host)
	if f != nil {
		s.fail(f, host, netip.AddrPort{})
		return nil, ctx.Err() != nil
	}
	return s.tryAll(ctx, host, addrs)
}

func (s *search) tryAll(ctx context.Context, host string, addrs []netip.Addr) (_ *Session, done bool) {
	for len(addrs) > 0 {
		var session *Session
		if session, addrs, done = s.tryAddresses(ctx, host, addrs); session != nil || done {
			return session, done
		}
	}
	if s.failures[len(s.failures)-1].theHosts() {
		s.d.Memory.failed(host, time.Now())
	}
	return nil, false
}

// tryAddresses opens a session with the address that connects first. It returns
// the addresses that are left to try where that one did not take us: none when
// the host has spoken, whatever its address.
func (s *search) tryAddresses(ctx context.Context, host string, addrs []netip.Addr) (_ *Session, left []netip.Addr, done bool) {
	var to []netip.AddrPort
	for _, addr := range addrs[:min(len(addrs), mostAddresses-s.addresses)] {
		to = append(to, netip.AddrPortFrom(addr, s.port()))
	}
	heat := s.d.race(ctx, to, s.relay != nil)
	for i, addr := range addrs {
		switch {
		case i >= len(to) || heat.conn != nil && heat.errs[i] == nil && i != heat.at:
			left = append(left, addr)
			if i < len(to) && heat.passed[i] { // others were quicker
				s.d.Memory.failed(addr.String(), time.Now())
			}
		case heat.errs[i] != nil:
			s.failed(notConnected(ctx, heat.errs[i]), host, to[i])
		}
	}
	if heat.conn != nil {
		session, f := s.tryAddress(ctx, host, to[heat.at], heat.conn)
		if f == nil {
			s.d.Memory.worked(host)
			s.d.Memory.worked(addrs[heat.at].String())
			return session, nil, false
		}
		s.failed(f, host, to[heat.at])
		if f.Reply.Code != 0 {
			s.refusals++
			left = nil
		}
		done = f.Permanent && f.Reply.Code >= 500 && f.Reply.Code != noMailHere
	}
	return nil, left, done || ctx.Err() != nil || s.addresses >= mostAddresses || s.refusals >= mostRefusals
}

// failed notes that an address did not take us.
func (s *search) failed(f *Failure, host string, to netip.AddrPort) {
	s.fail(f, host, to)
	s.addresses++
	if f.theHosts() {
		s.d.Memory.failed(to.Addr().String(), time.Now())
	}
}

// noMailHere is the code of a host that never takes mail (RFC 7504): the next
// one may.
const noMailHere = 521

func (s *search) fail(f *Failure, host string, to netip.AddrPort) {
	f.Host, f.Addr = host, to
	s.failures = append(s.failures, f)
}

// addrs returns the addresses of host that may be connected to, at least one:
// IPv4 before IPv6, since receivers ask more of IPv6 senders; those that failed
// lately last.
func (s *search) addrs(ctx context.Context, host string) ([]netip.Addr, *Failure) {
	found, err := s.lookUp(ctx, host)
	if err != nil {
		return nil, fromDNS(ctx, err)
	}
	var refused error
	addrs := slices.DeleteFunc(found, func(a netip.Addr) bool {
		err := s.d.admit(a, s.relay != nil)
		refused = cmp.Or(refused, err)
		return err != nil
	})
	if len(addrs) == 0 {
		return nil, notAdmitted(refused)
	}
	if source := s.d.Source.Unmap(); source.IsValid() {
		addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() != source.Is4() })
		if len(addrs) == 0 {
			return nil, without(StageRoute, "5.4.4", ErrWrongFamily)
		}
	}
	now := time.Now()
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int {
		return cmp.Or(
			later(s.d.Memory.shunned(a.String(), now), s.d.Memory.shunned(b.String(), now)),
			later(a.Is6() && !a.Is4In6(), b.Is6() && !b.Is4In6()),
		)
	})
	return addrs, nil
}

// lookUp returns the addresses of a host. Only a relay may be given as one.
func (s *search) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil && s.relay != nil {
		return []netip.Addr{addr}, nil
	}
	answer, err := s.d.Resolver.Addrs(ctx, host)
	return slices.Clone(answer.Addrs), err
}

func (s *search) port() uint16 {
	if s.relay != nil {
		return s.relay.Port
	}
	return s.d.Port
}

// tryAddress opens a session over a connection to an address. Where STARTTLS broke and the
// clear is allowed, it connects once more and does without, and for a while
// does so from the start.
func (s *search) tryAddress(ctx context.Context, host string, to netip.AddrPort, conn net.Conn) (*Session, *Failure) {
	policy, broken := s.policy, "STARTTLS at "+to.Addr().String()
	if !policy.strict() && s.d.Memory.shunned(broken, time.Now()) {
		policy.Mode = TLSOff
	}
	session, f := s.d.open(ctx, host, to, conn, s.mx, policy, s.relay)
	if f == nil || f.Stage != StageTLS || f.Reply.Code != 0 || policy.strict() || ctx.Err() != nil ||
		s.relay != nil && s.relay.Implicit { // has no port for the clear
		return session, f
	}
	s.d.Memory.failed(broken, time.Now())
	policy.Mode = TLSOff
	conn, err := s.d.connect(ctx, to, s.relay != nil)
	if err != nil {
		return nil, f
	}
	again, failedAgain := s.d.open(ctx, host, to, conn, s.mx, policy, s.relay)
	if failedAgain != nil {
		return nil, f
	}
	return again, nil
}
