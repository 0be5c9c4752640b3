package listhygiene

import (
	"strings"

	"github.com/headwaymail/headway/listhygiene/address"
)

// Reason is one stable machine code behind a verdict.
type Reason string

// The reasons for Undeliverable, besides the grammar failures: each code of
// package address, with "syntax_" in front unless it is among these.
const (
	DomainReserved       Reason = "domain_reserved"
	DomainLiteralRefused Reason = "domain_literal_refused"
	SourceRouteRefused   Reason = "source_route_refused"
	TLDUnknown           Reason = "tld_unknown"
	DomainNXDomain       Reason = "domain_nxdomain"
	DomainNullMX         Reason = "domain_null_mx"
	DomainNoMailHost     Reason = "domain_no_mail_host"
	MXUnroutable         Reason = "mx_unroutable"
	MailboxUnknown       Reason = "mailbox_unknown"
	MailboxDisabled      Reason = "mailbox_disabled"
)

// The reasons for Risky.
const (
	TypoLikely              Reason = "typo_likely"
	Disposable              Reason = "disposable"
	RoleTechnical           Reason = "role_technical"
	RoleShared              Reason = "role_shared"
	AcceptsEverything       Reason = "accepts_everything"
	MailboxFullRepeatedly   Reason = "mailbox_full_repeatedly"
	Gibberish               Reason = "gibberish"
	StaleSource             Reason = "stale_source"
	NoEngagement            Reason = "no_engagement"
	SMTPUTF8UnsupportedByMX Reason = "smtputf8_unsupported_by_mx"
	MXParked                Reason = "mx_parked"
)

// The reasons for Unproven and Unknown.
const (
	NoHistory         Reason = "no_history"
	DNSTemporary      Reason = "dns_temporary"
	BlockedByProvider Reason = "blocked_by_provider" // not the address's fault
	ExpiredResult     Reason = "expired_result"
)

// The reasons for Deliverable.
const (
	AcceptedBefore   Reason = "accepted_before"
	ConfirmedConsent Reason = "confirmed_consent"
)

// syntaxPrefix stands before the codes of package address.
const syntaxPrefix = "syntax_"

// SyntaxReason returns the reason for a refusal by the grammar.
func SyntaxReason(c address.Code) Reason {
	switch r := Reason(c); r {
	case DomainReserved, DomainLiteralRefused, SourceRouteRefused:
		return r
	}
	return syntaxPrefix + Reason(c)
}

// AddressCode returns the code of package address behind a reason, and whether
// it is one of grammar.
func (r Reason) AddressCode() (address.Code, bool) {
	c := address.Code(strings.TrimPrefix(string(r), syntaxPrefix))
	return c, c.Words() != "" && SyntaxReason(c) == r
}

// Verdict returns the verdict that the reason alone leads to.
func (r Reason) Verdict() Verdict {
	if e, ok := reasons[r]; ok {
		return e.verdict
	}
	if _, ok := r.AddressCode(); ok {
		return Undeliverable
	}
	return Unknown
}

// Words says the reason in plain words.
func (r Reason) Words() string {
	if c, ok := r.AddressCode(); ok {
		return c.Words()
	}
	if e, ok := reasons[r]; ok {
		return e.words
	}
	return string(r)
}

// Conclude returns the verdict that follows from several reasons: proof that an
// address cannot work beats risk, risk beats doubt, doubt beats proof that it
// worked, and without any reason nothing is known.
func Conclude(rs []Reason) Verdict {
	worst := Verdict("")
	for _, r := range rs {
		if v := r.Verdict(); worst == "" || severity[v] > severity[worst] {
			worst = v
		}
	}
	if worst == "" {
		return Unproven
	}
	return worst
}

// severity orders verdicts for Conclude. No history is the weakest finding: a
// proof of delivery contradicts it.
var severity = map[Verdict]int{Unproven: 0, Deliverable: 1, Unknown: 2, Risky: 3, Undeliverable: 4}

var reasons = map[Reason]struct {
	verdict Verdict
	words   string
}{
	TLDUnknown:       {Undeliverable, "there is no such top-level domain"},
	DomainNXDomain:   {Undeliverable, "the domain does not exist"},
	DomainNullMX:     {Undeliverable, "the domain states that it takes no mail"},
	DomainNoMailHost: {Undeliverable, "the domain has no mail host"},
	MXUnroutable:     {Undeliverable, "the domain's mail host has no public address"},
	MailboxUnknown:   {Undeliverable, "the server says that there is no such mailbox"},
	MailboxDisabled:  {Undeliverable, "the server says that the mailbox is disabled"},

	TypoLikely:              {Risky, "the domain looks like a typing mistake"},
	Disposable:              {Risky, "a disposable address, soon abandoned"},
	RoleTechnical:           {Risky, "an address for machines or administrators"},
	RoleShared:              {Risky, "an address that several people read"},
	AcceptsEverything:       {Risky, "the domain accepts any address at first"},
	MailboxFullRepeatedly:   {Risky, "the mailbox has been full again and again"},
	Gibberish:               {Risky, "the part before the @ looks random"},
	StaleSource:             {Risky, "the address comes from an old list"},
	NoEngagement:            {Risky, "no sign of life for a long time"},
	SMTPUTF8UnsupportedByMX: {Risky, "the mail host does not take addresses beyond ASCII"},
	MXParked:                {Risky, "the domain is parked"},

	NoHistory:         {Unproven, "nothing has been sent there yet"},
	DNSTemporary:      {Unknown, "the domain could not be looked up for now"},
	BlockedByProvider: {Unknown, "the provider refuses us, not the address"},
	ExpiredResult:     {Unknown, "the last check is too old"},

	AcceptedBefore:   {Deliverable, "the server accepted a message in the last 180 days"},
	ConfirmedConsent: {Deliverable, "the person confirmed the subscription"},
}

// Attribute is the name of a fact about an address that is neither for nor
// against it.
type Attribute string

// The attributes of a result.
const (
	FreeProvider  Attribute = "free_provider"  // the domain offers mailboxes to anyone
	Provider      Attribute = "provider"       // who runs its mail hosts
	RelayAlias    Attribute = "relay_alias"    // forwards to a hidden mailbox; never a risk
	Canonical     Attribute = "canonical"      // the canonical key
	SuggestedForm Attribute = "suggestion"     // the address that was probably meant
	IDN           Attribute = "idn"            // the domain is international
	NeedsSMTPUTF8 Attribute = "needs_smtputf8" // the local part is beyond ASCII
)
