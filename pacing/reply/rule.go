package reply

import (
	"slices"
	"strings"
)

// Rule is one entry of the rule file: the replies that it speaks of, and what
// they mean. All conditions that are given must hold.
type Rule struct {
	ID string // unique; shown to people as the reason of a decision

	// Conditions.

	Providers []string // provider keys; empty: a rule for any server
	Software  string   // mail software that answers so; documentation and order, not a condition
	Anywhere  bool     // the text is unmistakable: tried for every server, not only for Providers
	Phases    []Phase  // empty: any
	Codes     []string // "450", "4xx", "5xx", or "none" for a failure without a reply; empty: any
	Enhanced  []string // "4.7.28", "x.7.28", "x.6.x"; empty: any
	Contains  []string // any of these stands in the folded text
	Regex     []string // RE2, any of these matches the folded text
	Unless    []string // none of these stands in the folded text

	// Meaning.

	Class  Class
	Bounce Bounce // when not given, what Class and Scope imply
	Scope  Scope
	Guess  bool // the words do not say so: whoever paces asks for more evidence
	Passes bool // a 5xx of this rule is temporary in truth; when not given, what Bounce implies

	// For people.

	Note     string   // what to know or to do
	Source   []string // where the text is documented or was seen
	Examples []string // replies that this rule decides, as Parse reads them

	patterns []pattern // compiled Regex, any of them
	line     int       // where the rule begins in its file
}

// allows reports whether the conditions beside provider and text hold.
func (r *Rule) allows(q *query) bool {
	return (len(r.Phases) == 0 || slices.Contains(r.Phases, q.phase)) &&
		(!q.beforeRcpt || q.code == 0 || !r.blamesAddress()) &&
		(len(r.Codes) == 0 || q.codeIn(r.Codes)) &&
		(len(r.Enhanced) == 0 || q.enhancedIn(r.Enhanced))
}

// blamesAddress reports whether the rule speaks of the recipient's address or
// domain. Such a rule never decides a reply that came before RCPT: the server
// did not know the recipient yet. (What failed without a reply, such as our
// look-up of the domain, may well be the domain's.)
func (r *Rule) blamesAddress() bool {
	switch r.Bounce {
	case BounceBadMailbox, BounceBadDomain, BounceInactive, BounceMailboxFull, BounceRecipientPolicy:
		return true
	}
	return false
}

// For reports whether the rule is one of the provider with this key. A key such
// as "microsoft-365" narrows "microsoft": rules for the wide key hold for it. A
// registrable name narrows nothing: google-fans.example is not Google.
func (r *Rule) For(provider string) bool {
	for _, p := range r.Providers {
		rest, ok := strings.CutPrefix(provider, p)
		if ok && (rest == "" || rest[0] == '-' && !strings.Contains(rest, ".")) {
			return true
		}
	}
	return false
}

// codeNone is how a rule names a network failure, which has no code.
const codeNone = "none"

// impliedBounce is what a class means for the delivery when a rule does not say
// it. Classes that say nothing of the delivery (mailbox, policy) have none: their
// rules must name it.
func impliedBounce(c Class, s Scope) Bounce {
	switch c {
	case ClassConcurrency, ClassConnRate, ClassRate, ClassQuota, ClassSession, ClassRecipients:
		return BounceRateLimited
	case ClassReputation:
		switch s {
		case ScopeSource, ScopeSourcePool:
			return BounceBlockedIP
		case ScopeSendingDomain:
			return BounceBlockedDomain
		}
		return BounceContentSpam
	case ClassBlocklist:
		return BounceBlockedIP
	case ClassGreylist:
		return BounceGreylisted
	case ClassOutage, ClassNetwork, ClassDNS:
		return BounceNetwork
	case ClassAuth:
		return BounceAuthFailure
	case ClassContent:
		return BounceContentSpam
	case ClassUnknown:
		return BounceUnknown
	}
	return BounceNone
}

// passes reports whether a 5xx of this bounce class is temporary in truth: it
// speaks of speed, of our standing or of their servers, never of the message or
// its address, so the message is worth another try while it lives.
func (b Bounce) passes() bool {
	switch b {
	case BounceGreylisted, BounceRateLimited, BounceBlockedIP, BounceBlockedDomain, BounceNetwork:
		return true
	}
	return false
}
