package verification

import (
	"time"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/pacing/reply"
)

// Facts are all that is known about one address.
type Facts struct {
	Address address.Address
	// Problem says why the text was no address; Address is then empty.
	Problem *address.Problem
	Domain  Domain
	History History
	Silence Silence
	Origin  Origin

	// What our own messages to others at the domain met.
	Returned Returned
	UTF8     Refusal // the last one for want of SMTPUTF8, where nothing gainsays it
}

// History is what became of our own messages to the address.
type History struct {
	Accepted  time.Time // the last acceptance; zero without one
	Kept      time.Time // the first acceptance since [ProvenSince] that was not taken back; zero without one
	Confirmed time.Time // when the person confirmed a subscription; zero if never
	Refusal   Refusal   // the last refusal for good
	FullTimes int       // campaigns that ended at a full mailbox since the last acceptance
}

// Refusal is a server's last word.
type Refusal struct {
	At     time.Time // zero without one
	Bounce reply.Bounce
	Reply  string
}

// Result is what verification says about an address.
type Result struct {
	Verdict    listhygiene.Verdict
	Reasons    []listhygiene.Reason // the weightiest first, never empty
	Attributes map[listhygiene.Attribute]string
	Suggestion string // the address that was probably meant; empty without one
	Evidence   Evidence
	Expires    time.Time // when to verify again; zero when it holds for ever
}

// Evidence is what the verdict rests on.
type Evidence struct {
	Source Source    `json:"source"`
	At     time.Time `json:"at,omitzero"` // when that was found
	Words  string    `json:"words"`       // a server's own words, or ours
}

// Source says where evidence comes from.
type Source string

// The sources of evidence.
const (
	FromGrammar  Source = "grammar"  // the rules of RFC 5321 and its kin
	FromDNS      Source = "dns"      // a look at the domain
	FromDelivery Source = "delivery" // a receiving server's reply to us
	FromConsent  Source = "consent"  // the person confirmed
	FromLists    Source = "lists"    // public lists and likeness
	FromRecords  Source = "records"  // what was observed over time
)
