package smtpout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// Resolver finds mail hosts; *dnsclient.Resolver is one.
type Resolver interface {
	MX(ctx context.Context, domain string) (dnsclient.MXAnswer, error)
	Addrs(ctx context.Context, host string) (dnsclient.AddrAnswer, error)
}

// Dialer opens sessions from one source. It is safe for concurrent use; its
// fields must not change after the first Dial.
type Dialer struct {
	Resolver Resolver // required
	// Port is where mail hosts listen. Defaults to 25; only the sandbox has another.
	Port uint16
	// LoopbackOnly refuses every address outside 127.0.0.0/8 and ::1, up to the
	// moment of connecting. Without it, addresses that are not on the Internet
	// are refused.
	LoopbackOnly bool
	// HELO is the name that we give: the source's host name, whose address record
	// and PTR agree. Defaults to the address literal of the connection.
	HELO string
	// Source is the local address. Defaults to what the system chooses.
	Source netip.Addr
	// TLS is asked of every session, unless TLSFor gives a stricter one.
	TLS TLSPolicy
	// TLSFor returns the policy of a recipient domain that has one of its own,
	// such as one by MTA-STS.
	TLSFor func(ctx context.Context, domain string) (TLSPolicy, bool)
	// Encrypt lists whose mail is never sent in the clear, in the words of
	// [RelayRule.Match].
	Encrypt []string
	// Relays take the mail of some domains, or all, in place of their mail hosts.
	Relays *Relays
	// Ignore lists EHLO keywords that are taken for not offered, such as
	// "CHUNKING" where a server offers it and gets it wrong. STARTTLS cannot be
	// ignored: that is what TLSOff says.
	Ignore []string
	// Timeouts bound every wait; see there for defaults.
	Timeouts Timeouts
	// Memory of hosts that failed may be shared with other dialers.
	// Defaults to one of its own.
	Memory *HostMemory
	// Connect replaces the TCP connection, after the address was admitted.
	Connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// KeepOpenings has sessions remember how they began, for those who read
	// conversations.
	KeepOpenings bool

	once     sync.Once
	timeouts Timeouts
	sessions tls.ClientSessionCache
}

const (
	// mostAddresses is tried in one Dial. Domains with dozens of dead hosts exist.
	mostAddresses = 8
	// mostRefusals ends a Dial: two hosts that turned us away in words speak for
	// their provider, and asking all the others would be knocking on every door.
	mostRefusals = 2
	// resumable TLS sessions kept, a few hundred bytes each.
	tlsSessions = 1024
)

func (d *Dialer) prepare() {
	d.timeouts = d.Timeouts.withDefaults()
	d.sessions = tls.NewLRUClientSessionCache(tlsSessions)
	if d.Memory == nil {
		d.Memory = new(HostMemory)
	}
	if d.Port == 0 {
		d.Port = 25
	}
}

// Dial opens a session with one of the domain's mail hosts, with those to avoid
// last, and at least the encryption that least says, on top of what is asked of
// every session and what the domain asks. The error is a *Failure.
//
// A host that cannot be reached, answers 4xx or 521 to the greeting or 4xx to
// EHLO, or does not give the encryption that the policy wants, is passed over
// for the next. Any other 5xx ends the search (RFC 5321 §4.2.1: it is the
// provider's decision, not the host's trouble).
func (d *Dialer) Dial(ctx context.Context, domain string, least TLSMode, avoid ...string) (*Session, error) {
	d.once.Do(d.prepare)
	ctx, cancel := context.WithTimeoutCause(ctx, d.timeouts.Dial, errDialBudget)
	defer cancel()
	s := search{d: d, domain: domain, least: least, avoid: avoid}
	session, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	return session, nil
}

var errDialBudget = errors.New("no host answered in time")

// connect opens the TCP connection.
func (d *Dialer) connect(ctx context.Context, to netip.AddrPort, relay bool) (net.Conn, error) {
	if err := d.admit(to.Addr(), relay); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeouts.Connect)
	defer cancel()
	if d.Connect != nil {
		return d.Connect(ctx, to)
	}
	dialer := net.Dialer{Control: d.guard(relay)}
	if d.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Source, 0))
	}
	return dialer.DialContext(ctx, "tcp", to.String())
}

// guard is the last look before a socket connects.
func (d *Dialer) guard(relay bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return d.admit(to.Addr(), relay)
	}
}

// admit says why an address must not be connected to. A relay was named by the
// operator, and may stand in our own network.
func (d *Dialer) admit(addr netip.Addr, relay bool) error {
	if relay && !d.LoopbackOnly {
		return nil
	}
	return Admit(addr, d.LoopbackOnly)
}

// terms looks up a domain's mail hosts and what is asked of a session with one
// of them, both at once.
func (d *Dialer) terms(ctx context.Context, domain string, least TLSMode) (dnsclient.MXAnswer, TLSPolicy, error) {
	policy := make(chan TLSPolicy, 1)
	go func() { policy <- d.policy(ctx, domain) }()
	mx, err := d.Resolver.MX(ctx, domain)
	asked := <-policy
	asked.Mode = max(asked.Mode, least)
	if fits(d.Encrypt, domain, func() string { return identify(domain, mx) }) {
		asked.Mode = max(asked.Mode, TLSRequired)
	}
	return mx, asked, err
}

// policy returns the stricter of what we ask and what the domain asks.
func (d *Dialer) policy(ctx context.Context, domain string) TLSPolicy {
	if d.TLSFor == nil {
		return d.TLS
	}
	policy, ok := d.TLSFor(ctx, domain)
	if !ok {
		return d.TLS
	}
	policy.Mode = max(policy.Mode, d.TLS.Mode)
	if policy.Roots == nil {
		policy.Roots = d.TLS.Roots
	}
	return policy
}

// Serves says whether mail for a domain may go over an open session: it is with
// one of its mail hosts (or with its relay), on the terms that are asked for, with
// at least the encryption that least says.
func (d *Dialer) Serves(ctx context.Context, s *Session, domain string, least TLSMode) bool {
	if s.closed {
		return false
	}
	relay, routed, err := d.Relays.For(ctx, domain)
	if err != nil || routed || s.info.Relay != "" {
		return routed && relay.Key() == s.info.Relay && TLSPolicy{Mode: least}.MetBy(s.info)
	}
	mx, policy, err := d.terms(ctx, domain, least)
	return err == nil && s.serves(mx) && policy.MetBy(s.info)
}
