package dnsclient

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// NamesAnswer holds the names that an address has in the reverse tree.
type NamesAnswer struct {
	Names   []string  // lower case, no trailing dot, as the server ordered them
	Expires time.Time // when to ask again; set for definite negative answers, too
	AD      bool      // the server's word that the answer was validated
}

// Names returns the PTR records of an address (RFC 1035 §3.5, RFC 3596 §2.5).
// Whoever controls the address says what they are: a name counts only when its
// own address records lead back.
//
// The error is an [*Error] with ErrNoDomain, ErrNoRecords or ErrBadName as its
// cause, or a temporary one, or that of ctx.
func (r *Resolver) Names(ctx context.Context, addr netip.Addr) (NamesAnswer, error) {
	reverse, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return NamesAnswer{}, &Error{Name: addr.String(), Type: "PTR", Err: ErrBadName}
	}
	name := wire(reverse)
	o, err := r.lookup(ctx, name, dns.TypePTR)
	if err != nil {
		return NamesAnswer{}, err
	}
	return NamesAnswer{Names: slices.Clone(o.names), Expires: o.expires, AD: o.ad}, o.error(name, dns.TypePTR)
}
