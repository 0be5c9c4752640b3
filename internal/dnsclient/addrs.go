package dnsclient

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// AddrAnswer holds the addresses of a host.
type AddrAnswer struct {
	Addrs   []netip.Addr // IPv4 first, then IPv6; each group as the server gave it
	Expires time.Time    // when to ask again; set for definite negative answers, too
	AD      bool         // the server's word that both answers were validated
}

// Addrs returns the A and AAAA records of host. Both are asked for at once. One
// family that could not be found out is no error when the other gave addresses.
//
// The error is an [*Error] with ErrNoDomain, ErrNoRecords or ErrBadName as its
// cause, or a temporary one, or that of ctx.
func (r *Resolver) Addrs(ctx context.Context, host string) (AddrAnswer, error) {
	name, ok := canonical(host)
	if !ok {
		return AddrAnswer{}, &Error{Name: host, Type: "A", Err: ErrBadName}
	}
	type result struct {
		outcome outcome
		err     error
	}
	six := make(chan result, 1)
	go func() {
		o, err := r.lookup(ctx, name, dns.TypeAAAA)
		six <- result{o, err}
	}()
	v4, err := r.lookup(ctx, name, dns.TypeA)
	v6 := <-six
	if err != nil {
		return AddrAnswer{}, err
	}
	if v6.err != nil {
		return AddrAnswer{}, v6.err
	}
	a := AddrAnswer{
		Addrs:   slices.Concat(v4.addrs, v6.outcome.addrs),
		Expires: earlier(v4.expires, v6.outcome.expires),
		AD:      v4.ad && v6.outcome.ad,
	}
	switch {
	case len(a.Addrs) > 0:
		return a, nil
	case v4.kind == failed:
		return a, v4.error(name, dns.TypeA)
	case v6.outcome.kind == failed:
		return a, v6.outcome.error(name, dns.TypeAAAA)
	default:
		return a, v4.error(name, dns.TypeA)
	}
}
