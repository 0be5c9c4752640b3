package bounce

import "github.com/headwaymail/headway/pacing/reply"

// Costs returns what the last outcome of a delivery costs its address: of a
// delivery that bounced, what [Policy] says; of one that expired, what a refusal
// costs "when the message dies of it", and else one soft count of
// [reply.BounceExpired]. A delivery that goes on costs nothing.
//
// A server speaks of one recipient only: what it says of the domain is held
// against the address. Domains are judged by their DNS, see [DomainGone].
func Costs(m reply.Meaning, phase reply.Phase, bounced, expired bool) Effect {
	switch {
	case bounced:
		return ofOneAddress(Policy(m, phase).Address)
	case expired:
		return whenItDies(m, phase)
	}
	return Effect{}
}

// Reported returns what a failure costs that a report brought after the message
// had been accepted. Whoever reports has given up, so what might have passed
// counts as when the message dies of it.
func Reported(m reply.Meaning, phase reply.Phase) Effect {
	if m.Temporary {
		return whenItDies(m, phase)
	}
	return ofOneAddress(Policy(m, phase).Address)
}

// DomainGone returns what it costs a domain that its DNS says that it takes no
// mail, or says so for the last time that counts.
func DomainGone() Effect {
	return Policy(reply.Meaning{Bounce: reply.BounceBadDomain, Scope: reply.ScopeRecipientDomain}, reply.PhaseConnect).Address
}

func whenItDies(m reply.Meaning, phase reply.Phase) Effect {
	m.Temporary = true
	if e := Policy(m, phase).Address; e.Kind == SoftIfExpired {
		e.Kind = Soft
		return ofOneAddress(e)
	}
	if oursToMend[m.Bounce] {
		return Effect{}
	}
	return Policy(reply.Meaning{Bounce: reply.BounceExpired, Scope: reply.ScopeRecipient}, phase).Address
}

// oursToMend are the classes that say nothing about the other side, however long
// they last.
var oursToMend = map[reply.Bounce]bool{
	reply.BounceRateLimited: true, reply.BounceBlockedIP: true, reply.BounceBlockedDomain: true, reply.BounceAuthFailure: true,
	reply.BounceSenderDNS: true, reply.BounceContentSpam: true, reply.BounceContentOther: true, reply.BounceProtocol: true,
}

// ofOneAddress turns an effect on a domain into one on the address.
func ofOneAddress(e Effect) Effect {
	if e.Kind == Suppress && e.Domain {
		e.Domain, e.Breaker = false, true
	}
	return e
}
