// Package risk says what an address gives away by itself, before anyone is
// asked: a domain that looks like a typing mistake, a disposable or free-mail
// domain, a relay alias, a role instead of a person.
//
//  1. [SuggestDomain] compares a domain with those that most people use and
//     proposes the one that was meant;
//  2. [Lists] holds disposable and free-mail domains: a small seed of our own,
//     replaced by public ones through [Lists.Load];
//  3. [RoleOf] recognises local parts that name a task and not a person;
//  4. [IsGibberish] notices local parts that nobody would choose;
//  5. [Lists.Assess] puts the findings together as reasons and attributes.
//
// Everything here is a hint from lists and likeness. Nothing here refuses an
// address, asks DNS or knows the history of a contact.
package risk

import (
	"strings"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
)

// Assessment is what an address gives away by itself.
type Assessment struct {
	Reasons      []listhygiene.Reason // in the order of weight; nil when nothing was found
	Suggestion   string               // the address with the domain that was probably meant; empty without one
	FreeProvider bool
	RelayAlias   bool
}

// Assess looks at one address. An alias of a relay service is never a risk: its
// owner reads the mail and chose the alias on purpose.
func (l Lists) Assess(a address.Address) Assessment {
	found := l.AssessDomain(a.Domain).Of(a)
	if reason, ok := l.RoleOf(a.Local); ok && !found.RelayAlias {
		found.Reasons = append(found.Reasons, reason)
	}
	return found
}

// DomainAssessment is what a domain gives away: the same for all its addresses.
type DomainAssessment struct {
	Meant        string // the domain that was probably meant; empty without one
	Disposable   bool
	FreeProvider bool
	RelayAlias   bool
}

// AssessDomain looks at a domain, given as lower-case A-labels.
func (l Lists) AssessDomain(domain string) DomainAssessment {
	if IsRelayAlias(domain) {
		return DomainAssessment{RelayAlias: true}
	}
	found := DomainAssessment{FreeProvider: l.IsFree(domain), Disposable: l.IsDisposable(domain)}
	if !found.FreeProvider {
		if meant, ok := SuggestDomain(domain); ok {
			found.Meant = meant
		}
	}
	return found
}

// Of returns what the domain's findings mean for one of its addresses. The role
// that its local part names is not among them.
func (d DomainAssessment) Of(a address.Address) Assessment {
	found := Assessment{FreeProvider: d.FreeProvider, RelayAlias: d.RelayAlias}
	if d.Meant != "" {
		found.Suggestion = a.Local + "@" + d.Meant
		found.Reasons = append(found.Reasons, listhygiene.TypoLikely)
	}
	if d.Disposable {
		found.Reasons = append(found.Reasons, listhygiene.Disposable)
	}
	return found
}

// relays are services that forward from an alias to a mailbox which the sender
// never sees. Sources: the services' own help pages.
var relays = map[string]bool{
	"privaterelay.appleid.com": true, // Hide My Email; icloud.com aliases look like any other
	"duck.com":                 true, // DuckDuckGo Email Protection
	"mozmail.com":              true, "relay.firefox.com": true,
	"simplelogin.com": true, "simplelogin.co": true, "simplelogin.fr": true, "slmail.me": true, "slmails.com": true,
	"aleeas.com": true, "8alias.com": true, "8shield.net": true, "dralias.com": true,
	"passmail.net": true, "passmail.com": true, "passinbox.com": true, "passfwd.com": true, // Proton Pass
	"addy.io": true, "anonaddy.com": true, "anonaddy.me": true, "addymail.com": true, "mailer.me": true,
	"erine.email": true, "33mail.com": true, "spamgourmet.com": true, "opayq.com": true,
}

// IsRelayAlias reports whether a domain (lower-case A-labels), or one above it,
// belongs to a relay service.
func IsRelayAlias(domain string) bool {
	for {
		if relays[domain] {
			return true
		}
		_, rest, found := strings.Cut(domain, ".")
		if !found {
			return false
		}
		domain = rest
	}
}
