package dnsclient

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// MX is one mail host of a domain.
type MX struct {
	Host       string // lower case, no trailing dot
	Preference uint16 // the lower, the sooner
}

// MXAnswer says who takes a domain's mail.
type MXAnswer struct {
	// Hosts by preference, then by name; each once. Whoever connects shuffles
	// those of equal preference (RFC 5321 §5.1).
	Hosts []MX
	// Null says that the domain takes no mail at all (RFC 7505). Hosts is empty.
	Null bool
	// Implicit says that there is no MX, so the domain itself is the host, since
	// it has an address (RFC 5321 §5.1).
	Implicit bool
	// Expires is when the answer should be asked for again. It is set for
	// definite negative answers, too.
	Expires time.Time
	// AD is the server's word that the answer was validated by DNSSEC.
	AD bool
}

// MX returns the mail hosts of domain, which may be internationalised.
//
// The error is an [*Error] with ErrNoDomain, ErrNoMailHost or ErrBadName as its
// cause, or a temporary one, or that of ctx.
func (r *Resolver) MX(ctx context.Context, domain string) (MXAnswer, error) {
	name, ok := canonical(domain)
	if !ok {
		return MXAnswer{}, &Error{Name: domain, Type: "MX", Err: ErrBadName}
	}
	o, err := r.lookup(ctx, name, dns.TypeMX)
	if err != nil {
		return MXAnswer{}, err
	}
	switch o.kind {
	case some:
		return explicit(o), nil
	case noData:
		return r.implicit(ctx, name, o)
	default:
		return MXAnswer{Expires: o.expires}, o.error(name, dns.TypeMX)
	}
}

// explicit turns MX records into an answer. A host "." means "no mail" only
// when it stands alone; beside real hosts it is an error of the zone's owner
// (RFC 7505 §3) and left out.
func explicit(o outcome) MXAnswer {
	a := MXAnswer{Expires: o.expires, AD: o.ad}
	best := make(map[string]uint16, len(o.mx))
	for _, mx := range o.mx {
		if p, seen := best[mx.Host]; mx.Host != "" && (!seen || mx.Preference < p) {
			best[mx.Host] = mx.Preference
		}
	}
	for host, preference := range best {
		a.Hosts = append(a.Hosts, MX{host, preference})
	}
	slices.SortFunc(a.Hosts, func(x, y MX) int {
		return cmp.Or(cmp.Compare(x.Preference, y.Preference), cmp.Compare(x.Host, y.Host))
	})
	a.Null = len(a.Hosts) == 0
	return a
}

// implicit looks whether a domain without MX has an address of its own.
func (r *Resolver) implicit(ctx context.Context, name string, mx outcome) (MXAnswer, error) {
	addrs, err := r.Addrs(ctx, name)
	a := MXAnswer{Expires: earlier(mx.expires, addrs.Expires)}
	switch {
	case err == nil:
		a.Implicit, a.AD = true, mx.ad && addrs.AD
		a.Hosts = []MX{{Host: name}}
		return a, nil
	case errors.Is(err, ErrNoRecords):
		return a, &Error{Name: name, Type: "MX", Err: ErrNoMailHost}
	default:
		return a, err
	}
}

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
