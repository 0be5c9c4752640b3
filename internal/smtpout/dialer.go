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
	// TLS is asked of every session, unless TLSFor gives a policy of its own.
	TLS TLSPolicy
	// TLSFor returns the policy of a recipient domain. Nil means TLS for all.
	TLSFor func(ctx context.Context, domain string) (TLSPolicy, error)
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

// Dial opens a session with one of the domain's mail hosts. The error is a
// *Failure.
//
// A host that cannot be reached, answers 4xx or 521 to the greeting or 4xx to
// EHLO, or does not give the encryption that the policy wants, is passed over
// for the next. Any other 5xx ends the search (RFC 5321 §4.2.1: it is the
// provider's decision, not the host's trouble).
func (d *Dialer) Dial(ctx context.Context, domain string) (*Session, error) {
	d.once.Do(d.prepare)
	ctx, cancel := context.WithTimeoutCause(ctx, d.timeouts.Dial, errDialBudget)
	defer cancel()
	s := search{d: d, domain: domain}
	session, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	return session, nil
}

var errDialBudget = errors.New("no host answered in time")

// connect opens the TCP connection.
func (d *Dialer) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if err := admit(to.Addr(), d.LoopbackOnly); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeouts.Connect)
	defer cancel()
	if d.Connect != nil {
		return d.Connect(ctx, to)
	}
	dialer := net.Dialer{Control: d.guard}
	if d.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Source, 0))
	}
	return dialer.DialContext(ctx, "tcp", to.String())
}

// guard is the last look before a socket connects.
func (d *Dialer) guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return admit(to.Addr(), d.LoopbackOnly)
}

func (d *Dialer) policy(ctx context.Context, domain string) (TLSPolicy, error) {
	if d.TLSFor == nil {
		return d.TLS, nil
	}
	return d.TLSFor(ctx, domain)
}
