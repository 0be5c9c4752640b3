package verification

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// MailHost says what DNS knows of a domain's mail.
type MailHost string

// What a look at a domain may find. The empty string stands for no look at all.
const (
	HostMX        MailHost = "mx"
	HostImplicit  MailHost = "implicit"     // no MX, but an address (RFC 5321 §5.1)
	HostNull      MailHost = "null_mx"      // it says that it takes no mail (RFC 7505)
	HostNoDomain  MailHost = "no_domain"    // NXDOMAIN
	HostNone      MailHost = "no_mail_host" // neither MX nor address
	HostTemporary MailHost = "temporary"    // DNS gave no answer
)

// Reach says whether a domain's mail hosts can be reached from the Internet.
type Reach string

// The reach of mail hosts. The empty string stands for not looked at.
const (
	ReachPublic     Reach = "public"     // one of the hosts has a public address
	ReachUnroutable Reach = "unroutable" // they have addresses, none of them public
	ReachMissing    Reach = "missing"    // none of them has any address
	ReachTemporary  Reach = "temporary"  // DNS gave no answer
)

// Domain is what was found out about a domain.
type Domain struct {
	Found    MailHost
	Hosts    []string // mail hosts, the preferred first
	Reach    Reach
	Provider string    // who runs the hosts; empty when not known
	At       time.Time // of the last look; zero without one
	// GoneSince is the first of a row of looks that found no domain or no mail
	// host, and GoneLooks their number.
	GoneSince time.Time
	GoneLooks int
}

// Times of looks. An MX is believed for 7 days; while sending, its TTL counts.
const (
	goodFor      = 7 * 24 * time.Hour
	temporaryFor = time.Hour
	goneLooks    = 3
	goneAfter    = 72 * time.Hour
	goneAgain    = 30 * 24 * time.Hour // DNS breaks for days, and domains come back
	tooOld       = 60 * 24 * time.Hour
)

// goneSteps are the times of the further looks at a domain that was not found,
// counted from the first.
var goneSteps = []time.Duration{time.Hour, 24 * time.Hour, goneAfter}

// Missing reports whether the look found no way to mail the domain that its
// owner has not stated on purpose.
func (d Domain) Missing() bool {
	return d.Found == HostNoDomain || d.Found == HostNone || d.Found == HostMX && d.Reach == ReachMissing
}

// Gone reports whether a missing domain counts as gone: after at least three
// looks over at least 72 hours.
func (d Domain) Gone() bool {
	return d.Missing() && d.GoneLooks >= goneLooks && d.At.Sub(d.GoneSince) >= goneAfter
}

// After returns the domain as a look found it, with the row of looks that found
// nothing continued from what was known before.
func (d Domain) After(before Domain) Domain {
	switch {
	case d.Missing() && before.GoneLooks > 0:
		d.GoneSince, d.GoneLooks = before.GoneSince, before.GoneLooks+1
	case d.Missing():
		d.GoneSince, d.GoneLooks = d.At, 1
	case d.Found == HostTemporary || d.Reach == ReachTemporary: // neither for nor against
		d.GoneSince, d.GoneLooks = before.GoneSince, before.GoneLooks
	}
	return d
}

// NextLook says when to look at the domain again.
func (d Domain) NextLook() time.Time {
	switch {
	case d.Found == "" || d.Found == HostTemporary || d.Reach == ReachTemporary:
		return d.At.Add(temporaryFor)
	case d.Gone():
		return d.At.Add(goneAgain)
	case d.Missing():
		step := goneSteps[min(max(d.GoneLooks, 1), len(goneSteps))-1]
		if next := d.GoneSince.Add(step); next.After(d.At) {
			return next
		}
		return d.At.Add(temporaryFor) // a look came late: the row is short, not young
	}
	return d.At.Add(goodFor)
}

// Words says what the look found.
func (d Domain) Words() string {
	switch d.Found {
	case HostNull:
		return "the domain states that it takes no mail (null MX)"
	case HostNoDomain:
		return d.goneWords("the domain does not exist (NXDOMAIN)")
	case HostNone:
		return d.goneWords("the domain has neither MX nor address")
	case HostTemporary:
		return "DNS gave no answer"
	case HostImplicit:
		return "no MX, but an address" + d.reachWords()
	case HostMX:
		words := "MX " + strings.Join(d.Hosts[:min(len(d.Hosts), 3)], ", ")
		if d.Reach == ReachMissing {
			return d.goneWords(words + ", which has no address")
		}
		return words + d.reachWords()
	}
	return "not looked up yet"
}

func (d Domain) reachWords() string {
	switch d.Reach {
	case ReachUnroutable:
		return ", none with a public address"
	case ReachTemporary:
		return ", whose address could not be found out"
	}
	return ""
}

func (d Domain) goneWords(words string) string {
	if d.GoneLooks < 2 {
		return words + "; one look is no proof"
	}
	return fmt.Sprintf("%s: %d looks since %s", words, d.GoneLooks, d.GoneSince.UTC().Format("2 Jan 2006 15:04"))
}

// unroutable are the networks that no mail host on the Internet can have, beyond
// those that net/netip knows. RFC 6890 and its registries.
var unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"),
}

// IsPublic reports whether an address can be reached from anywhere: not
// loopback, private, link-local, multicast, documentation or reserved.
func IsPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, network := range unroutable {
		if network.Contains(a) {
			return false
		}
	}
	return true
}
