package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// Resolver answers the doctor's questions; *dnsclient.Resolver is one.
type Resolver interface {
	TXT(ctx context.Context, name string) (dnsclient.TXTAnswer, error)
	MX(ctx context.Context, domain string) (dnsclient.MXAnswer, error)
	Addrs(ctx context.Context, host string) (dnsclient.AddrAnswer, error)
	Names(ctx context.Context, addr netip.Addr) (dnsclient.NamesAnswer, error)
}

// nothing reports whether an error says that there is no such record, rather
// than that nobody could say.
func nothing(err error) bool { return err != nil && !dnsclient.Temporary(err) }

// evaluator lets the SPF library ask through our resolver. Its errors are the
// standard library's, by which the library tells "there is none" apart.
type evaluator struct{ resolver Resolver }

func (e evaluator) LookupTXT(ctx context.Context, name string) ([]string, error) {
	answer, err := e.resolver.TXT(ctx, name)
	return answer.Records, asNetError(name, err)
}

func (e evaluator) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	answer, err := e.resolver.MX(ctx, name)
	if err != nil || answer.Implicit {
		return nil, asNetError(name, errors.Join(err, implicitly(answer)))
	}
	hosts := make([]*net.MX, len(answer.Hosts))
	for i, h := range answer.Hosts {
		hosts[i] = &net.MX{Host: h.Host + ".", Pref: h.Preference}
	}
	return hosts, nil
}

// implicitly makes an MX that is only implied none at all: SPF's mx counts
// published ones (RFC 7208 §5.4).
func implicitly(a dnsclient.MXAnswer) error {
	if a.Implicit {
		return dnsclient.ErrNoRecords
	}
	return nil
}

func (e evaluator) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	answer, err := e.resolver.Addrs(ctx, host)
	addrs := make([]net.IPAddr, len(answer.Addrs))
	for i, a := range answer.Addrs {
		addrs[i] = net.IPAddr{IP: a.AsSlice()}
	}
	return addrs, asNetError(host, err)
}

func (e evaluator) LookupAddr(ctx context.Context, text string) ([]string, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return nil, err
	}
	answer, err := e.resolver.Names(ctx, addr)
	return answer.Names, asNetError(text, err)
}

func asNetError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &net.DNSError{Err: err.Error(), Name: name, IsNotFound: nothing(err), IsTemporary: !nothing(err)}
}
