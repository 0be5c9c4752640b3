package reply

// Phases returns all phases in the order of a session.
func Phases() []Phase {
	return []Phase{PhaseConnect, PhaseEHLO, PhaseStartTLS, PhaseAuth, PhaseMail, PhaseRcpt, PhaseData, PhaseDot, PhaseAsync}
}

// Classes returns all classes of refusals.
func Classes() []Class {
	return []Class{
		ClassConcurrency, ClassConnRate, ClassRate, ClassQuota, ClassSession, ClassRecipients,
		ClassReputation, ClassBlocklist, ClassGreylist, ClassMailbox, ClassOutage, ClassNetwork,
		ClassAuth, ClassDNS, ClassContent, ClassPolicy, ClassUnknown,
	}
}

// Bounces returns all bounce classes of refusals.
func Bounces() []Bounce {
	return []Bounce{
		BounceBadMailbox, BounceBadDomain, BounceInactive, BounceMailboxFull, BounceRecipientPolicy,
		BounceGreylisted, BounceRateLimited, BounceBlockedIP, BounceBlockedDomain, BounceAuthFailure,
		BounceSenderDNS, BounceContentSpam, BounceContentOther, BounceRemoteConfig, BounceNetwork,
		BounceExpired, BounceProtocol, BounceUnknown,
	}
}

// Scopes returns all scopes, from narrow to wide.
func Scopes() []Scope {
	return []Scope{
		ScopeRecipient, ScopeTransaction, ScopeLane, ScopeHost, ScopeCampaign,
		ScopeRecipientDomain, ScopeSendingDomain, ScopeSource, ScopeSourcePool,
	}
}

// Explain says in a few sentences what the meaning is: for pacing, for the
// delivery, whom it concerns, and how long the server asks to wait.
func (m Meaning) Explain() string {
	if m.Class == ClassNone {
		return m.Class.Words()
	}
	s := m.Class.Words() + " " + m.Bounce.Words() + " It concerns " + m.Scope.Words() + "."
	if m.Hint > 0 {
		s += " The server asks to wait " + m.Hint.String() + "."
	}
	if m.Window > 0 {
		s += " It counts in windows of " + m.Window.String() + "."
	}
	return s
}

// Words says in a sentence what the class means, and in another what Headway
// does about it.
func (c Class) Words() string {
	switch c {
	case ClassNone:
		return "The server accepted."
	case ClassConcurrency:
		return "We had too many connections open at once. Headway keeps fewer lanes to this provider and tries one more after a while; the rate stays as it is."
	case ClassConnRate:
		return "We opened connections too often. Headway leaves more time between openings and keeps each lane longer."
	case ClassRate:
		return "We sent faster than the server wants now. Headway pauses shortly and goes on at the rate that it measured between refusals."
	case ClassQuota:
		return "The volume of an hour, a day or another window is used up. Headway waits for the next window and learns its length."
	case ClassSession:
		return "This connection has carried enough messages or errors. Headway opens a new one at once and learns how many messages one may carry."
	case ClassRecipients:
		return "One transaction named too many recipients. Headway splits it; nothing is slowed."
	case ClassReputation:
		return "The provider distrusts our mail: complaints, spam or too little history. Headway holds, asks with single messages and comes back at half the rate."
	case ClassBlocklist:
		return "The sending address is on a block list. Headway holds this source at the provider and raises an alarm; the mail is not moved to another source."
	case ClassGreylist:
		return "The server puts off first contacts and wants to see a retry. Headway tries this recipient again after the delay that works there."
	case ClassMailbox:
		return "This is about one mailbox. Headway tries it later or gives it up; the provider's pace stays as it is."
	case ClassOutage:
		return "The server is down, full or in maintenance. Headway tries the next host, and when all are down waits and returns in steps."
	case ClassNetwork:
		return "The connection failed or broke. Headway tries another host, then this one again after a pause that doubles."
	case ClassAuth:
		return "Authentication or the sender's set-up was refused: SPF, DKIM, DMARC, reverse DNS, TLS or HELO. Headway holds the sending domain at the provider until the doctor finds it mended."
	case ClassDNS:
		return "The server could not look something of ours up in DNS. Headway tries again in a few minutes, and treats it as an authentication fault if it stays."
	case ClassContent:
		return "The server suspects or refuses this message. Headway holds this campaign at the provider; others run."
	case ClassPolicy:
		return "The receiver's own routing or rules refuse the mail. Headway tries rarely; there is nothing to slow."
	case ClassUnknown:
		return "No rule knows this reply. Headway judges by its phase and timing, and lists it so that a rule can be written."
	}
	return "not a class: " + string(c)
}

// Words says in a sentence what the bounce class means for the delivery and for
// its address.
func (b Bounce) Words() string {
	switch b {
	case BounceNone:
		return "Not a bounce."
	case BounceBadMailbox:
		return "There is no such mailbox. The address is suppressed."
	case BounceBadDomain:
		return "The recipient's domain does not exist or takes no mail. Its addresses are suppressed once that is certain."
	case BounceInactive:
		return "The mailbox is disabled or abandoned. The address is suppressed for 90 days and then tried once more."
	case BounceMailboxFull:
		return "The mailbox is full. The address is suppressed only if that lasts over several campaigns."
	case BounceRecipientPolicy:
		return "The recipient or their administrator does not want this mail. It counts softly against the address."
	case BounceGreylisted:
		return "First contact was put off. The message is tried again; the address is not in doubt."
	case BounceRateLimited:
		return "We were too fast. The message is sent more slowly; the address is not in doubt."
	case BounceBlockedIP:
		return "Our address is blocked or distrusted. The message waits while it lives; the recipient is not in doubt."
	case BounceBlockedDomain:
		return "Our domain or a link in the message is blocked or distrusted. The message waits; the recipient is not in doubt."
	case BounceAuthFailure:
		return "SPF, DKIM, DMARC or TLS was not as the receiver demands. The sending domain stops there until it is mended."
	case BounceSenderDNS:
		return "Our reverse DNS, HELO name or sender domain was refused. It must be mended on our side."
	case BounceContentSpam:
		return "The message was taken for spam. It is not sent again; many of these pause the campaign."
	case BounceContentOther:
		return "The message itself was refused: size, attachment, virus or form. The campaign must be mended."
	case BounceRemoteConfig:
		return "The receiver's servers are set up wrongly for this domain. It counts softly against the address."
	case BounceNetwork:
		return "Network or server trouble on the way. The message is tried again."
	case BounceExpired:
		return "The message could not be delivered in its lifetime. It counts softly against the address."
	case BounceProtocol:
		return "The server did not accept the commands of the session. It is tried once on another host; an alarm is raised."
	case BounceUnknown:
		return "No rule knows this reply. It counts little and goes to the review list."
	}
	return "not a bounce class: " + string(b)
}

// Words says whom or what a refusal concerns.
func (s Scope) Words() string {
	switch s {
	case ScopeRecipient:
		return "this recipient"
	case ScopeTransaction:
		return "this message"
	case ScopeLane:
		return "this connection"
	case ScopeHost:
		return "this host of the provider"
	case ScopeCampaign:
		return "this campaign"
	case ScopeRecipientDomain:
		return "the recipient's domain"
	case ScopeSendingDomain:
		return "our sending domain"
	case ScopeSource:
		return "our sending address"
	case ScopeSourcePool:
		return "all our sending addresses of this network"
	}
	return "not a scope: " + string(s)
}
