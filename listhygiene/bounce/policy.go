// Package bounce says what a refusal means: for the delivery, for the address,
// and for those who must act.
//
// It stands after the reply of a receiving server, in the journey of every
// message that was not accepted:
//
//  1. pacing/reply has read the text and says which class the refusal has;
//  2. [Policy] looks up that class, for a temporary and a permanent refusal, in
//     one table, after asking at which command it came: before RCPT TO it is
//     never the recipient's fault, and after the message it is so only when the
//     text speaks of the recipient;
//  3. the [Action] says whether the delivery is tried again and when
//     ([Action.Delay]), what the address has to answer for ([Effect]), and which
//     [Measure]s are taken by whom;
//  4. a [Counter] adds up soft refusals of an address until a [SoftRule] calls
//     for a suppression; any accepted delivery sets it back;
//  5. a [Breaker] watches a provider: when it suddenly refuses everyone, new
//     suppressions wait until they are confirmed.
//
// It reads no texts, keeps no state and writes nothing: those who call it record
// the outcome and carry out the measures.
package bounce

import (
	"github.com/headwaymail/headway/pacing/reply"
)

// Outcome says what happens to the delivery.
type Outcome string

// The outcomes of a refusal.
const (
	Deferred Outcome = "deferred" // tried again while the message lives
	Bounced  Outcome = "bounced"  // final
)

// Measure is something that is done beyond the delivery and the address.
type Measure string

// The measures.
const (
	SlowProvider       Measure = "slow_provider"        // the pacer slows down
	PauseSource        Measure = "pause_source"         // nothing more from this source to this provider for now
	PauseCampaignThere Measure = "pause_campaign_there" // this campaign pauses at this provider
	CountSpam          Measure = "count_spam"           // more than 2 % of a provider pauses the campaign there
	StopCampaign       Measure = "stop_campaign"        // it is broken for everyone
	StopSendingDomain  Measure = "stop_sending_domain"  // nothing more from this domain to this provider
	OpenDoctor         Measure = "open_doctor"          // our DNS or authentication needs mending
	OtherHost          Measure = "other_host"           // once on another MX, or with plain EHLO
	RaiseAlarm         Measure = "raise_alarm"          // an operator must look
	ReviewText         Measure = "review_text"          // the text goes to the list of missing rules
	RecheckDomain      Measure = "recheck_domain"       // DNS is asked again before the domain is given up
)

// Actor says who has to do something.
type Actor string

// The actors, none of them for what passes by itself.
const (
	NobodyActs   Actor = "nobody"
	ProgramActs  Actor = "program"  // Headway by itself
	OperatorActs Actor = "operator" // who runs the installation
	EditorActs   Actor = "editor"   // who made the campaign
)

// Action is what follows from one refusal.
type Action struct {
	Outcome  Outcome
	Retry    Schedule // when Deferred
	Address  Effect
	Measures []Measure
	Actor    Actor
	Words    string // for the delivery's page: what happened and what happens next
}

// Policy returns what follows from a refusal that was classified as m and came
// at a phase of the session. It answers for every class; one that it does not
// know is treated as [reply.BounceUnknown].
func Policy(m reply.Meaning, phase reply.Phase) Action {
	class := m.Bounce
	if blamesAddress[class] && !concernsRecipient(m, phase) {
		class = reply.BounceUnknown
	}
	pair, ok := table[class]
	if !ok {
		pair = table[reply.BounceUnknown]
	}
	action := pair.permanent
	if m.Temporary {
		action = pair.temporary
	}
	if !concernsRecipient(m, phase) && class != reply.BounceBadDomain {
		action.Address = Effect{}
	}
	return action
}

// blamesAddress are the classes that say something about one mailbox.
var blamesAddress = map[reply.Bounce]bool{
	reply.BounceBadMailbox: true, reply.BounceInactive: true, reply.BounceMailboxFull: true,
	reply.BounceRecipientPolicy: true,
}

// concernsRecipient reports whether a refusal may be held against the address:
// at RCPT TO and in a later report it may; after the message only when the text
// names the recipient; before RCPT TO never.
func concernsRecipient(m reply.Meaning, phase reply.Phase) bool {
	switch phase {
	case reply.PhaseRcpt, reply.PhaseAsync:
		return true
	case reply.PhaseData, reply.PhaseDot:
		return m.Scope == reply.ScopeRecipient || m.Scope == reply.ScopeRecipientDomain
	}
	return m.Bounce == reply.BounceExpired
}
