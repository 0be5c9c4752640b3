package verification

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/risk"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// proofFor is how long an accepted message proves an address.
	proofFor = 180 * 24 * time.Hour
	// fullTimes is how many campaigns must have ended at a full mailbox.
	fullTimes = 3
	// remembered bounds the domains whose likeness is kept: a comparison costs
	// microseconds, and a list has many contacts at the same domains.
	remembered = 1 << 16
)

// Judge gives verdicts. It remembers what it found about domains and is for use
// by one goroutine.
type Judge struct {
	lists  risk.Lists
	policy address.Policy
	seen   map[string]risk.DomainAssessment
}

// NewJudge returns a judge with these lists. policy says whether reserved names
// may be mailed, as in the sandbox.
func NewJudge(lists risk.Lists, policy address.Policy) *Judge {
	return &Judge{lists: lists, policy: policy, seen: make(map[string]risk.DomainAssessment)}
}

// finding is a reason with what it rests on.
type finding struct {
	reason   listhygiene.Reason
	evidence Evidence
}

// Judge returns the verdict on an address at a time.
func (j *Judge) Judge(f Facts, now time.Time) Result {
	if f.Problem != nil {
		reason := listhygiene.SyntaxReason(f.Problem.Code)
		return Result{Verdict: listhygiene.Undeliverable, Reasons: []listhygiene.Reason{reason},
			Evidence: Evidence{Source: FromGrammar, Words: f.Problem.Code.Words()}}
	}
	own := j.assess(f.Address)
	proof, proven := f.History.proof(now)
	found := refusals(f, now)
	found = append(found, j.domain(f, now)...)
	if !proven || f.History.Confirmed.IsZero() {
		found = append(found, typo(own)...)
	}
	found = append(found, observed(f, own, now)...)
	if !proven {
		found = append(found, j.guesses(f, now)...)
	}
	if proven {
		found = append(found, proof)
	} else if len(found) == 0 {
		found = append(found, finding{listhygiene.NoHistory, Evidence{FromDNS, f.Domain.At, f.Domain.Words()}})
	}
	return conclude(f, own, found, now)
}

// conclude puts the findings together, the weightiest first.
func conclude(f Facts, own risk.Assessment, found []finding, now time.Time) Result {
	r := Result{Suggestion: own.Suggestion, Attributes: attributes(f, own)}
	for _, each := range found {
		r.Reasons = append(r.Reasons, each.reason)
	}
	r.Verdict = listhygiene.Conclude(r.Reasons)
	weight := func(each finding) int {
		if each.reason.Verdict() == r.Verdict {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(found, func(a, b finding) int { return weight(a) - weight(b) })
	r.Reasons = r.Reasons[:0]
	for _, each := range found {
		r.Reasons = append(r.Reasons, each.reason)
	}
	r.Evidence = found[0].evidence
	r.Expires = expires(f, r, now)
	return r
}

// expires says until when a result holds.
func expires(f Facts, r Result, now time.Time) time.Time {
	if r.Reasons[0] == listhygiene.AcceptedBefore {
		return f.History.Accepted.Add(proofFor)
	}
	if f.Domain.At.IsZero() {
		return now.Add(temporaryFor)
	}
	return f.Domain.NextLook()
}

// proof returns the finding that the address works, if there is one.
func (h History) proof(now time.Time) (finding, bool) {
	later := func(t time.Time) bool { return !t.IsZero() && !h.Refusal.names() || t.After(h.Refusal.At) }
	switch {
	case !h.Accepted.IsZero() && now.Sub(h.Accepted) < proofFor && later(h.Accepted):
		return finding{listhygiene.AcceptedBefore, Evidence{FromDelivery, h.Accepted, "the receiving server accepted a message"}}, true
	case !h.Confirmed.IsZero() && now.Sub(h.Confirmed) < staleAfter && later(h.Confirmed):
		return finding{listhygiene.ConfirmedConsent, Evidence{FromConsent, h.Confirmed, "the person confirmed the subscription, says the file that brought the address"}}, true
	}
	return finding{}, false
}

// names reports whether the refusal says that the address itself is at fault.
func (r Refusal) names() bool {
	return !r.At.IsZero() && (r.Bounce == reply.BounceBadMailbox || r.Bounce == reply.BounceInactive)
}

// refusals are the findings from our own deliveries.
func refusals(f Facts, now time.Time) []finding {
	h := f.History
	last := Evidence{FromDelivery, h.Refusal.At, h.Refusal.Reply}
	if _, proven := h.proof(now); proven && h.Accepted.After(h.Refusal.At) {
		return nil
	}
	switch {
	case h.Refusal.At.IsZero():
		return nil
	case h.FullTimes >= fullTimes:
		return []finding{{listhygiene.MailboxFullRepeatedly, last}}
	}
	switch h.Refusal.Bounce {
	case reply.BounceBadMailbox:
		return []finding{{listhygiene.MailboxUnknown, last}}
	case reply.BounceInactive:
		return []finding{{listhygiene.MailboxDisabled, last}}
	case reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceRateLimited, reply.BounceAuthFailure, reply.BounceSenderDNS:
		return []finding{{listhygiene.BlockedByProvider, last}}
	}
	return nil
}

// domain are the findings from DNS.
func (j *Judge) domain(f Facts, now time.Time) []finding {
	d := f.Domain
	seen := Evidence{FromDNS, d.At, d.Words()}
	one := func(r listhygiene.Reason) []finding { return []finding{{r, seen}} }
	_, proven := f.History.proof(now)
	switch {
	case d.Found == HostNull:
		return one(listhygiene.DomainNullMX)
	case d.Found == HostNoDomain && j.unknownTop(f.Address.Domain):
		return one(listhygiene.TLDUnknown)
	case d.Missing() && !d.Gone():
		return one(listhygiene.DNSTemporary) // not condemned before its time
	case d.Found == HostNoDomain:
		return one(listhygiene.DomainNXDomain)
	case d.Found == HostNone:
		return one(listhygiene.DomainNoMailHost)
	case d.Reach == ReachMissing:
		return one(listhygiene.MXUnroutable)
	case d.Reach == ReachUnroutable:
		return one(listhygiene.MXUnroutable)
	case proven: // what DNS cannot say now does not undo what a server said
		return nil
	case d.Found == "" || d.Found == HostTemporary || d.Reach == ReachTemporary:
		return one(listhygiene.DNSTemporary)
	case now.Sub(d.At) > tooOld:
		return one(listhygiene.ExpiredResult)
	}
	return nil
}

// unknownTop reports whether a domain's top-level domain does not exist. The
// table that is asked may be older than the newest ones, so that it only counts
// beside an NXDOMAIN.
func (j *Judge) unknownTop(domain string) bool {
	top := domain[strings.LastIndexByte(domain, '.')+1:]
	if j.policy.AllowReserved && (top == "test" || top == "example" || top == "invalid") {
		return false
	}
	_, icann := publicsuffix.PublicSuffix(top)
	return !icann
}

// typo is the finding that another domain was probably meant.
func typo(own risk.Assessment) []finding {
	if own.Suggestion == "" {
		return nil
	}
	return []finding{{listhygiene.TypoLikely, Evidence{Source: FromLists, Words: "probably " + own.Suggestion}}}
}

// observed are findings that outlast a proof: the message arrives, and does no good.
func observed(f Facts, own risk.Assessment, now time.Time) []finding {
	var found []finding
	add := func(holds bool, r listhygiene.Reason, source Source) {
		if holds {
			found = append(found, finding{r, Evidence{Source: source, Words: r.Words()}})
		}
	}
	add(slices.Contains(own.Reasons, listhygiene.Disposable), listhygiene.Disposable, FromLists)
	add(isParked(f.Domain.Hosts), listhygiene.MXParked, FromDNS)
	found = append(found, returned(f, own, now)...)
	if f.Silence.Lasts(f.History, now) {
		found = append(found, finding{listhygiene.NoEngagement, f.Silence.evidence()})
	}
	if f.Address.UTF8 && !f.UTF8.At.IsZero() {
		found = append(found, finding{listhygiene.SMTPUTF8UnsupportedByMX, Evidence{FromDelivery, f.UTF8.At, f.UTF8.Reply}})
	}
	return found
}

// guesses are findings that any proof outweighs.
func (j *Judge) guesses(f Facts, now time.Time) []finding {
	var found []finding
	if risk.IsRelayAlias(f.Address.Domain) {
		return nil // its owner reads the mail and chose the alias on purpose
	}
	if r, ok := j.lists.RoleOf(f.Address.Local); ok {
		found = append(found, finding{r, Evidence{Source: FromLists, Words: r.Words()}})
	}
	if risk.IsGibberish(f.Address.Local) {
		found = append(found, finding{listhygiene.Gibberish, Evidence{Source: FromLists, Words: listhygiene.Gibberish.Words()}})
	}
	return append(found, stale(f, now)...)
}

// assess is risk.Lists.Assess with a memory of domains.
func (j *Judge) assess(a address.Address) risk.Assessment {
	d, ok := j.seen[a.Domain]
	if !ok {
		if len(j.seen) >= remembered {
			clear(j.seen)
		}
		d = j.lists.AssessDomain(a.Domain)
		j.seen[a.Domain] = d
	}
	return d.Of(a)
}

// parked are the hosts to which sellers of idle domains lead their mail. A name
// below one of these counts.
var parked = []string{"park-mx.above.com", "h-email.net", "nullmx.domainmanager.com"}

func isParked(hosts []string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool {
		return slices.ContainsFunc(parked, func(p string) bool { return host == p || strings.HasSuffix(host, "."+p) })
	})
}

// attributes are facts neither for nor against an address.
func attributes(f Facts, own risk.Assessment) map[listhygiene.Attribute]string {
	found := make(map[listhygiene.Attribute]string)
	set := func(holds bool, a listhygiene.Attribute, value string) {
		if holds {
			found[a] = value
		}
	}
	set(own.FreeProvider, listhygiene.FreeProvider, "yes")
	set(own.RelayAlias, listhygiene.RelayAlias, "yes")
	set(f.Domain.Provider != "", listhygiene.Provider, f.Domain.Provider)
	set(own.Suggestion != "", listhygiene.SuggestedForm, own.Suggestion)
	set(f.Address.UTF8, listhygiene.NeedsSMTPUTF8, "yes")
	set(strings.Contains(f.Address.Domain, "xn--"), listhygiene.IDN, address.DomainUnicode(f.Address.Domain))
	if canonical := f.Address.Canonical(); canonical != f.Address.Key() {
		found[listhygiene.Canonical] = canonical
	}
	return found
}
