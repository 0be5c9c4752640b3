// Package reply turns what a mail server said into what it means.
//
// It stands between the SMTP session and everyone who must act on a reply:
//
//  1. the session hands over a [Reply]: the phase it answered, the code, the
//     enhanced code and every line, verbatim;
//  2. [Classify] folds it to a form in which neither wrapping, case, accents nor
//     the names of servers matter, and tries the rules of rules.yaml in order
//     (the operator's, the provider's own, then those of mail software, those for
//     any server, and last the registry of enhanced codes). It returns a
//     [Meaning]: what is slowed, whose trouble it is, how long the server asks us
//     to wait, and which rule decided;
//  3. pacing slows what the [Class] and [Scope] name; list hygiene judges the
//     address by the [Bounce] class.
//
// [Parse] reads replies from logs and notifications; [Load] reads an operator's own
// rules, which [Rules.With] puts before the built-in ones; [Meaning.Explain] puts a
// meaning into words.
//
// It is the only place of the product that reads reply texts. It keeps no
// state, knows no clock and decides nothing about rates or retries.
package reply

import (
	"strings"
	"time"
)

// Phase is the SMTP command that a reply answers.
type Phase string

// The phases of a session in the order in which they occur (RFC 5321 §3).
const (
	PhaseConnect  Phase = "connect"  // dialling, and the greeting
	PhaseEHLO     Phase = "ehlo"     // EHLO or HELO
	PhaseStartTLS Phase = "starttls" // STARTTLS and the handshake
	PhaseAuth     Phase = "auth"     // AUTH (relays only)
	PhaseMail     Phase = "mail"     // MAIL FROM
	PhaseRcpt     Phase = "rcpt"     // RCPT TO
	PhaseData     Phase = "data"     // DATA, before the 354
	PhaseDot      Phase = "dot"      // after the final dot, or BDAT LAST
	PhaseAsync    Phase = "async"    // a delivery status notification, later
)

// Reply is one server reply, or the network failure that took its place.
type Reply struct {
	Phase    Phase    // what it answers
	Code     int      // three digits; 0 when the connection failed without a reply
	Enhanced string   // RFC 3463 code as "4.7.28"; empty when none was found
	Lines    []string // text of each line without code and CRLF, verbatim; for Code 0 the error in words
}

// Text returns the lines joined by one space.
func (r Reply) Text() string { return strings.Join(r.Lines, " ") }

// String returns the reply as a log line: "421 4.7.28 Our system has …".
func (r Reply) String() string {
	var b strings.Builder
	if r.Code != 0 {
		b.WriteString(strings.TrimSpace(itoa3(r.Code)))
		b.WriteByte(' ')
	}
	text := r.Text()
	if r.Enhanced != "" && !strings.Contains(text, r.Enhanced) {
		b.WriteString(r.Enhanced)
		b.WriteByte(' ')
	}
	b.WriteString(text)
	return b.String()
}

func itoa3(n int) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

// Class says what a refusal means for pacing (what is slowed, and how).
type Class string

// The classes, as in docs/PACING.md. ClassNone is an acceptance.
const (
	ClassNone        Class = ""
	ClassConcurrency Class = "concurrency" // too many lanes at once
	ClassConnRate    Class = "connrate"    // lanes opened too often
	ClassRate        Class = "rate"        // message rate or short-window volume
	ClassQuota       Class = "quota"       // volume of an hour, a day, …
	ClassSession     Class = "session"     // too many messages or errors on this lane
	ClassRecipients  Class = "recipients"  // too many RCPT in one transaction
	ClassReputation  Class = "reputation"  // complaints, low trust
	ClassBlocklist   Class = "blocklist"   // the source is listed
	ClassGreylist    Class = "greylist"    // first contact: come back later
	ClassMailbox     Class = "mailbox"     // this recipient only
	ClassOutage      Class = "outage"      // server down, full, in maintenance
	ClassNetwork     Class = "network"     // time-out, reset, refused
	ClassAuth        Class = "auth"        // SPF, DKIM, DMARC, PTR, TLS, HELO
	ClassDNS         Class = "dns"         // their look-up of us failed for now
	ClassContent     Class = "content"     // this message is suspected
	ClassPolicy      Class = "policy"      // their routing or whitelist
	ClassUnknown     Class = "unknown"     // nothing matched
)

// Bounce says what a refusal means for the delivery and its address.
type Bounce string

// The bounce classes. BounceNone is an acceptance.
const (
	BounceNone            Bounce = ""
	BounceBadMailbox      Bounce = "bad_mailbox"
	BounceBadDomain       Bounce = "bad_domain"
	BounceInactive        Bounce = "inactive_mailbox"
	BounceMailboxFull     Bounce = "mailbox_full"
	BounceRecipientPolicy Bounce = "recipient_policy"
	BounceGreylisted      Bounce = "greylisted"
	BounceRateLimited     Bounce = "rate_limited"
	BounceBlockedIP       Bounce = "blocked_ip"
	BounceBlockedDomain   Bounce = "blocked_domain_or_url"
	BounceAuthFailure     Bounce = "auth_failure"
	BounceSenderDNS       Bounce = "sender_dns"
	BounceContentSpam     Bounce = "content_spam"
	BounceContentOther    Bounce = "content_other"
	BounceRemoteConfig    Bounce = "remote_config"
	BounceNetwork         Bounce = "network"
	BounceExpired         Bounce = "expired"
	BounceProtocol        Bounce = "protocol"
	BounceUnknown         Bounce = "unknown"
)

// Scope says what a refusal speaks of, from narrow to wide.
type Scope string

// The scopes of the rule file.
const (
	ScopeRecipient       Scope = "recipient"
	ScopeTransaction     Scope = "transaction"
	ScopeLane            Scope = "lane"
	ScopeHost            Scope = "host"
	ScopeCampaign        Scope = "campaign"
	ScopeRecipientDomain Scope = "recipient_domain"
	ScopeSendingDomain   Scope = "sending_domain"
	ScopeSource          Scope = "source"
	ScopeSourcePool      Scope = "source_pool"
)

// Meaning is what [Classify] made of a reply.
type Meaning struct {
	Class     Class
	Bounce    Bounce
	Scope     Scope
	Temporary bool          // the message should be tried again: a 4xx, a network failure, or a 5xx known to pass
	Hint      time.Duration // how long the server asks us to wait; 0 when it does not say
	Window    time.Duration // length of the quota window that the words name ("per hour", "100/5m"); 0 when they name none
	Guess     bool          // the words do not say so; it is judged by where the reply came
	Rule      string        // id of the rule that decided; "fallback" when none matched
}
