package bounce

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

const day = 24 * time.Hour

// The schedules of the table. Hints of the server and the pacer come first; the
// lifetime of the message ends all of them.
var (
	// usual doubles from five minutes to an hour, for whatever passes.
	usual = Schedule{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour}
	// greylist: the shortest delay that greylisting servers accept is 5 minutes.
	greylist = Schedule{5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}
	// slowly is for what needs a person to mend it first.
	slowly = Schedule{30 * time.Minute, time.Hour, 2 * time.Hour}
	// full gives the owner time to empty the mailbox.
	full = Schedule{time.Hour, 2 * time.Hour, 4 * time.Hour}
	// domainGone looks at the DNS of a domain again before it is given up.
	domainGone = Schedule{time.Hour, 24 * time.Hour, 72 * time.Hour}
	// soon is for another host of the same domain.
	soon = Schedule{time.Minute, 30 * time.Minute, time.Hour}
)

// The rules for soft refusals, each counted once a campaign. Accepted deliveries
// in between set the count back.
var (
	fullRule    = SoftRule{After: 3, Over: 21 * day}
	policyRule  = SoftRule{After: 3, Over: 30 * day}
	configRule  = SoftRule{After: 3, Over: 14 * day}
	expiredRule = SoftRule{After: 5, Over: 30 * day}
	unknownRule = SoftRule{After: 5, Over: 30 * day}
)

// halfWeight is what an unknown refusal counts: a rule may be missing.
const halfWeight = 0.5

// pair holds the actions for a refusal that may pass and one that will not.
type pair struct{ temporary, permanent Action }

// same is for classes whose code makes no difference.
func same(a Action) pair { return pair{a, a} }

// table says what follows from each class. Blocks and authentication failures
// are tried again even on a 5xx where the server speaks of us and not of the
// message: they pass when we are mended, and the address is good.
var table = map[reply.Bounce]pair{
	reply.BounceBadMailbox: {
		temporary: Action{Outcome: Deferred, Retry: usual, Actor: NobodyActs,
			Words: "the server is not sure that the mailbox exists; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: ProgramActs,
			Address: Effect{Kind: Suppress, Breaker: true},
			Words:   "there is no such mailbox; the address is suppressed"},
	},
	reply.BounceBadDomain: {
		temporary: Action{Outcome: Deferred, Retry: domainGone, Actor: ProgramActs, Measures: []Measure{RecheckDomain},
			Words: "the domain was not found; it is looked up again after 1, 24 and 72 hours"},
		permanent: Action{Outcome: Bounced, Actor: ProgramActs,
			Address: Effect{Kind: Suppress, Domain: true},
			Words:   "the domain takes no mail; it is suppressed and looked at again monthly"},
	},
	reply.BounceInactive: {
		temporary: Action{Outcome: Deferred, Retry: full, Actor: NobodyActs,
			Words: "the mailbox is inactive for now; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: ProgramActs,
			Address: Effect{Kind: Suppress, For: 90 * day, Breaker: true},
			Words:   "the mailbox is disabled; suppressed for 90 days, then tried once more, then for good"},
	},
	reply.BounceMailboxFull: {
		temporary: Action{Outcome: Deferred, Retry: full, Actor: NobodyActs, Address: Effect{Kind: SoftIfExpired, Soft: fullRule, Weight: 1},
			Words: "the mailbox is full; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: NobodyActs, Address: Effect{Kind: Soft, Soft: fullRule, Weight: 1},
			Words: "the mailbox is full; suppressed when it still is after 3 campaigns over 21 days"},
	},
	reply.BounceRecipientPolicy: {
		temporary: Action{Outcome: Deferred, Retry: usual, Actor: NobodyActs, Address: Effect{Kind: SoftIfExpired, Soft: policyRule, Weight: 1},
			Words: "the recipient's own rules refuse us for now; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: NobodyActs, Address: Effect{Kind: Soft, Soft: policyRule, Weight: 1},
			Words: "the recipient's own rules refuse us; suppressed when they still do after 3 times over 30 days"},
	},
	reply.BounceGreylisted: same(Action{Outcome: Deferred, Retry: greylist, Actor: NobodyActs,
		Words: "the server asks strangers to come back later; it is tried again"}),
	reply.BounceRateLimited: same(Action{Outcome: Deferred, Retry: usual, Actor: ProgramActs, Measures: []Measure{SlowProvider},
		Words: "the server asks us to slow down; it is tried again, slower"}),
	reply.BounceBlockedIP: same(Action{Outcome: Deferred, Retry: slowly, Actor: OperatorActs, Measures: []Measure{PauseSource, RaiseAlarm},
		Words: "the server blocks our address, not the recipient; sending from it pauses there until it is unblocked"}),
	reply.BounceBlockedDomain: same(Action{Outcome: Deferred, Retry: slowly, Actor: OperatorActs, Measures: []Measure{PauseCampaignThere, RaiseAlarm},
		Words: "the server blocks our domain or a link in the message; the campaign pauses there"}),
	reply.BounceAuthFailure: {
		temporary: Action{Outcome: Deferred, Retry: slowly, Actor: OperatorActs, Measures: []Measure{OpenDoctor, RaiseAlarm},
			Words: "the server could not authenticate us; it is tried again while the doctor shows what to mend"},
		permanent: Action{Outcome: Bounced, Actor: OperatorActs, Measures: []Measure{StopSendingDomain, OpenDoctor, RaiseAlarm},
			Words: "the server could not authenticate us; sending from this domain stops there until it is mended"},
	},
	reply.BounceSenderDNS: {
		temporary: Action{Outcome: Deferred, Retry: slowly, Actor: OperatorActs, Measures: []Measure{OpenDoctor, RaiseAlarm},
			Words: "the server could not look up our name; it is tried again while the doctor shows what to mend"},
		permanent: Action{Outcome: Bounced, Actor: OperatorActs, Measures: []Measure{PauseSource, OpenDoctor, RaiseAlarm},
			Words: "the server refuses our host name or reverse DNS; sending from this source stops there until it is mended"},
	},
	reply.BounceContentSpam: {
		temporary: Action{Outcome: Deferred, Retry: usual, Actor: EditorActs, Measures: []Measure{CountSpam},
			Words: "the server suspects the message to be spam; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: EditorActs, Measures: []Measure{CountSpam},
			Words: "the server takes the message for spam; the address is not to blame"},
	},
	reply.BounceContentOther: {
		temporary: Action{Outcome: Deferred, Retry: slowly, Actor: EditorActs, Measures: []Measure{RaiseAlarm},
			Words: "the server cannot take this message for now; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: EditorActs, Measures: []Measure{StopCampaign, RaiseAlarm},
			Words: "the server refuses the message itself: size, attachment or headers; the campaign stops"},
	},
	reply.BounceRemoteConfig: {
		temporary: Action{Outcome: Deferred, Retry: usual, Actor: NobodyActs, Address: Effect{Kind: SoftIfExpired, Domain: true, Soft: configRule, Weight: 1},
			Words: "the recipient's mail system is set up wrongly; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: NobodyActs, Address: Effect{Kind: Soft, Domain: true, Soft: configRule, Weight: 1},
			Words: "the recipient's mail system is set up wrongly; its domain is suppressed when it still is after 3 times over 14 days"},
	},
	reply.BounceNetwork: same(Action{Outcome: Deferred, Retry: usual, Actor: NobodyActs,
		Words: "the server could not be reached; it is tried again"}),
	reply.BounceExpired: same(Action{Outcome: Bounced, Actor: NobodyActs, Address: Effect{Kind: Soft, Soft: expiredRule, Weight: 1},
		Words: "nothing got through during the lifetime of the message; suppressed after 5 times in a row over 30 days"}),
	reply.BounceProtocol: {
		temporary: Action{Outcome: Deferred, Retry: soon, Actor: OperatorActs, Measures: []Measure{OtherHost},
			Words: "the server did not follow the protocol; another of its hosts is tried"},
		permanent: Action{Outcome: Deferred, Retry: soon[:1], Actor: OperatorActs, Measures: []Measure{OtherHost, RaiseAlarm},
			Words: "the server refused a command; another of its hosts is tried once"},
	},
	reply.BounceUnknown: {
		temporary: Action{Outcome: Deferred, Retry: usual, Actor: OperatorActs, Measures: []Measure{ReviewText},
			Address: Effect{Kind: SoftIfExpired, Soft: unknownRule, Weight: halfWeight},
			Words:   "the server refused for a reason that no rule knows; it is tried again"},
		permanent: Action{Outcome: Bounced, Actor: OperatorActs, Measures: []Measure{ReviewText},
			Address: Effect{Kind: Soft, Soft: unknownRule, Weight: halfWeight},
			Words:   "the server refused for a reason that no rule knows; the text is kept for review"},
	},
}
