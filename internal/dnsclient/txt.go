package dnsclient

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// TXTAnswer holds the text records of a name.
type TXTAnswer struct {
	Records []string  // the strings of one record joined without a space (RFC 7208 §3.3)
	Expires time.Time // when to ask again; set for definite negative answers, too
	AD      bool      // the server's word that the answer was validated
}

// TXT returns the text records of name.
//
// The error is an [*Error] with ErrNoDomain, ErrNoRecords or ErrBadName as its
// cause, or a temporary one, or that of ctx.
func (r *Resolver) TXT(ctx context.Context, name string) (TXTAnswer, error) {
	wired, ok := canonical(name)
	if !ok {
		return TXTAnswer{}, &Error{Name: name, Type: "TXT", Err: ErrBadName}
	}
	o, err := r.lookup(ctx, wired, dns.TypeTXT)
	if err != nil {
		return TXTAnswer{}, err
	}
	return TXTAnswer{Records: slices.Clone(o.txt), Expires: o.expires, AD: o.ad}, o.error(wired, dns.TypeTXT)
}
