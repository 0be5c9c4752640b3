package intake

import (
	"net/netip"
	"time"

	"github.com/headwaymail/headway/listhygiene/address"
)

// Row is a record as an import stages it. With a Problem the row is reported
// and not imported.
type Row struct {
	Position
	Email   string          // the cell as it stood in the file; empty when the row could not be read
	Address address.Address // zero with a Problem
	Changes []address.Change
	Fields  []Field // in the order of the columns, without empty ones; of two with one name the last counts
	Status  Status
	Consent Consent
	Mended  bool // bytes that are no UTF-8 were read as Windows-1252
	Problem *Problem
}

// Field is one named value of a contact. All values are text.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Consent is the proof that a person asked for mail, as far as the file has it.
type Consent struct {
	At          time.Time  // when they signed up; zero when unknown
	IP          netip.Addr // from where; invalid when unknown
	Source      string     // at which form, event or shop
	ConfirmedAt time.Time  // when they confirmed a double opt-in
	ConfirmedIP netip.Addr
}

// Proven reports whether the file proves a confirmed opt-in.
func (c Consent) Proven() bool { return !c.ConfirmedAt.IsZero() }

// Problem says why a row was refused.
type Problem struct {
	Code       Code   `json:"code"`
	Suggestion string `json:"suggestion,omitempty"` // the address that was probably meant
}

// Words says in plain words what is wrong and what to do.
func (p *Problem) Words() string {
	if hint := p.Code.Hint(); hint != "" {
		return p.Code.Words() + ": " + hint
	}
	return p.Code.Words()
}
