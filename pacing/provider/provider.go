// Package provider says who runs a domain's mail, and what is known about them
// before the first message.
//
// It stands between the MX look-up and pacing, which keeps one envelope for each
// (source, provider):
//
//  1. the caller looks up a domain's MX hosts and hands them to [Identify];
//  2. the hosts of the lowest preference are compared with the suffixes of
//     providers.yaml: the large mailbox providers, hosters, and the filters that
//     stand before other people's servers;
//  3. where none fits, the provider is the registrable name of those hosts, so
//     that all domains of a small hoster share an envelope; a domain without MX
//     records is its own provider;
//  4. [Limits] gives the lanes and messages per lane to begin with. They are for
//     the first minutes: the envelope replaces them as soon as it has measured.
//
// It resolves nothing, knows no clock and keeps no state; how long an answer
// holds and whether a domain has moved is for the caller.
package provider

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Host is one MX record.
type Host struct {
	Name string // with or without the final dot; any case
	Pref uint16 // lowest is tried first (RFC 5321 §5.1)
}

// Provider is whoever runs the MX hosts of a domain.
type Provider struct {
	// Key is stable and names the provider in rules and envelopes: "google",
	// "microsoft-365", or a registrable name such as "example.org". A dash
	// narrows: rules and limits for "microsoft" hold for "microsoft-365" unless
	// that has its own.
	Key string

	// Name is for people.
	Name string

	// Customer is whose gateway or tenant the hosts are, for the filters and
	// hosters that count limits for each customer; else empty.
	Customer string
}

// Identify returns the provider of a domain with these MX hosts. Without hosts
// the domain's own address takes the mail (implicit MX, RFC 5321 §5.1). A null
// MX (RFC 7505) has no provider: the result is zero.
func Identify(domain string, mx []Host) Provider {
	domain = canonical(domain)
	if len(mx) == 0 {
		return ownName(domain)
	}
	hosts := mostPreferred(mx)
	if len(hosts) == 0 {
		return Provider{}
	}
	// Hosts of the table before names: a domain that mixes a large provider with
	// a host of its own meets the large provider's limits.
	for _, host := range hosts {
		if e := known().bySuffix(host); e != nil {
			return Provider{Key: e.Key, Name: e.Name, Customer: e.customer(domain, host)}
		}
	}
	return ownName(mostCommon(hosts))
}

// mostPreferred returns the distinct names of the hosts with the lowest
// preference, sorted, without the "." of a null MX.
func mostPreferred(mx []Host) []string {
	lowest := slices.MinFunc(mx, func(a, b Host) int { return int(a.Pref) - int(b.Pref) }).Pref
	var names []string
	for _, h := range mx {
		if name := canonical(h.Name); h.Pref == lowest && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mostCommon returns the registrable name that most of the hosts share; of
// several, the first in the alphabet, so that the order of DNS answers never
// moves a domain.
func mostCommon(hosts []string) string {
	count := map[string]int{}
	for _, h := range hosts {
		count[registrable(h)]++
	}
	best := ""
	for name, n := range count {
		if best == "" || n > count[best] || n == count[best] && name < best {
			best = name
		}
	}
	return best
}

// ownName is the provider that only a name is known of.
func ownName(name string) Provider {
	name = registrable(name)
	return Provider{Key: name, Name: name}
}

// registrable returns the name under which a host was registered:
// "mx1.mail.example.co.uk" → "example.co.uk". Addresses, and names that are a
// public suffix themselves, stay as they are.
func registrable(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}

// canonical returns a name in lower case, as A-labels, without the final dot. A
// name that is no IDNA name is kept: servers use underscores and worse.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return name
}
