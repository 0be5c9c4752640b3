package listhygiene

import "time"

// Scope says how far a suppression reaches.
type Scope string

// The scopes of a suppression.
const (
	ScopeList   Scope = "list"   // one list only
	ScopeGlobal Scope = "global" // everything that this installation sends
)

// SuppressionReason says why an address must not be mailed.
type SuppressionReason string

// The reasons. They stand beside the verdict and are never overwritten by it.
const (
	Unsubscribed        SuppressionReason = "unsubscribed"         // the person left
	Complained          SuppressionReason = "complained"           // the person reported our mail as spam
	Bounced             SuppressionReason = "bounced"              // we cannot reach the mailbox
	Manual              SuppressionReason = "manual"               // entered by an operator
	ImportedSuppression SuppressionReason = "imported_suppression" // came with an import as not to be mailed
	Erased              SuppressionReason = "erased"               // asked to be forgotten: only a keyed hash is kept
)

// SuppressionReasons returns every reason, the strongest first: where several
// hold, the first is shown.
func SuppressionReasons() []SuppressionReason {
	return []SuppressionReason{Erased, Complained, Unsubscribed, Manual, ImportedSuppression, Bounced}
}

// Words says the reason in plain words. "They left" and "we cannot reach them"
// are different words on purpose.
func (r SuppressionReason) Words() string {
	switch r {
	case Unsubscribed:
		return "unsubscribed: they left"
	case Complained:
		return "complained: they reported a message as spam"
	case Bounced:
		return "cleaned: we cannot reach them"
	case Manual:
		return "suppressed by hand"
	case ImportedSuppression:
		return "imported as not to be mailed"
	case Erased:
		return "erased at their request"
	}
	return string(r)
}

// MatchesCanonical reports whether the suppression also holds for other
// spellings of the same mailbox, matched on the canonical key: who left as
// a+b@ does not want mail as a@ either. A bounce says nothing about other
// spellings. Every reason matches on the exact key.
func (r SuppressionReason) MatchesCanonical() bool { return r != Bounced }

// Liftable reports whether an operator may lift the suppression with a written
// reason. An import never lifts any.
func (r SuppressionReason) Liftable() bool { return r != Complained && r != Erased }

// Suppression is the rule that an address or a domain must not be mailed.
type Suppression struct {
	Reason   SuppressionReason
	Scope    Scope
	Evidence string    // the reply, the report or the operator's words
	By       string    // who entered it; empty for the program itself
	At       time.Time // since when
	Expires  time.Time // until when; zero for good
}

// Holds reports whether the suppression is in force at a time.
func (s Suppression) Holds(now time.Time) bool {
	return s.Expires.IsZero() || now.Before(s.Expires)
}

// ContactStatus says what people see beside a contact's name.
type ContactStatus string

// The statuses of a contact.
const (
	StatusActive       ContactStatus = "active"
	StatusUnconfirmed  ContactStatus = "unconfirmed"  // has not confirmed the double opt-in
	StatusUnsubscribed ContactStatus = "unsubscribed" // they left
	StatusCleaned      ContactStatus = "cleaned"      // we cannot reach them
	StatusComplained   ContactStatus = "complained"   // they reported us
)
