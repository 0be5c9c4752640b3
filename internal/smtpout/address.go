package smtpout

import (
	"fmt"
	"net/netip"
)

// unroutable lists what netip's own predicates leave open: addresses that are
// nobody's mail host (IANA special-purpose registries; RFC 6890).
var unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation, RFC 5737
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("100::/64"),        // discard, RFC 6666
	netip.MustParsePrefix("2001:db8::/32"),   // documentation, RFC 3849
	netip.MustParsePrefix("3fff::/20"),       // documentation, RFC 9637
}

// Admit says why an address must not be connected to: with loopbackOnly
// everything but loopback, without it everything that is not on the Internet.
func Admit(addr netip.Addr, loopbackOnly bool) error {
	addr = addr.Unmap().WithZone("")
	if loopbackOnly {
		if !addr.IsLoopback() {
			return fmt.Errorf("%s: %w", addr, ErrOutsideLoopback)
		}
		return nil
	}
	bad := !addr.IsValid() || addr.IsUnspecified() || addr.IsLoopback() || addr.IsPrivate() ||
		addr.IsLinkLocalUnicast() || addr.IsMulticast()
	for _, p := range unroutable {
		bad = bad || p.Contains(addr)
	}
	if bad {
		return fmt.Errorf("%s: %w", addr, ErrUnroutable)
	}
	return nil
}
