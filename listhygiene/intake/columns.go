package intake

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Role says what the cells of a column mean to an import.
type Role string

// The roles of a column.
const (
	RoleIgnore        Role = "ignore"
	RoleField         Role = "field"          // a field of the contact, as text
	RoleEmail         Role = "email"          // the address; exactly one column
	RoleMoreEmails    Role = "more_emails"    // further addresses of the person, kept as a field
	RoleStatus        Role = "status"         // subscribed, unsubscribed, bounced, … in words
	RoleOptIn         Role = "opt_in"         // yes: may be mailed; no: has left
	RoleOptOut        Role = "opt_out"        // yes: has left
	RoleConfirmed     Role = "confirmed"      // no: has not confirmed the opt-in
	RoleBounced       Role = "bounced"        // anything but no: cannot be reached
	RoleLeftAt        Role = "left_at"        // filled in: has left
	RoleConsentTime   Role = "consent_time"   // when the person asked for mail
	RoleConsentIP     Role = "consent_ip"     // from which address
	RoleConsentSource Role = "consent_source" // at which form, event or shop
	RoleConfirmTime   Role = "confirm_time"   // when the person confirmed (double opt-in)
	RoleConfirmIP     Role = "confirm_ip"
	RoleTags          Role = "tags"       // labels separated by commas
	RoleAttributes    Role = "attributes" // a JSON object whose members become fields
)

// Column says what is done with one column of the file.
type Column struct {
	Heading string `json:"heading"`
	Role    Role   `json:"role"`
	Field   string `json:"field,omitempty"` // name of the field for RoleField, RoleMoreEmails and RoleTags
}

// Mapping says what is done with each column, in the order of the file.
type Mapping struct {
	Exporter string   `json:"exporter,omitempty"` // the program that wrote the file, where it was recognised
	Columns  []Column `json:"columns"`
}

// Email returns the index of the column with the addresses, or -1.
func (m Mapping) Email() int {
	return slices.IndexFunc(m.Columns, func(c Column) bool { return c.Role == RoleEmail })
}

// Check refuses a mapping without a column of addresses. The error is a
// [*Refusal].
func (m Mapping) Check() error {
	if m.Email() < 0 {
		return &Refusal{Code: NoEmailColumn, Offset: -1}
	}
	return nil
}

// AutoMap proposes a mapping for a file: by the headings of known exporters,
// then by common headings, then, for the addresses, by content.
func AutoMap(s Sample) Mapping {
	width := max(len(s.Headings), s.Format.Columns)
	m := Mapping{Columns: make([]Column, width)}
	keys := make([]string, width)
	for i := range m.Columns {
		if i < len(s.Headings) {
			m.Columns[i].Heading = strings.TrimSpace(s.Headings[i])
		}
		keys[i] = headingKey(m.Columns[i].Heading)
	}
	exporter := recognise(keys)
	m.Exporter = exporter.name
	for i := range m.Columns {
		m.Columns[i].Role, m.Columns[i].Field = exporter.column(keys[i])
	}
	m.doubtStatuses(keys, s.Rows)
	m.chooseEmail(keys, s.Rows)
	m.nameFields()
	return m
}

// doubtStatuses makes a plain field of a column called "status", "state" or
// "newsletter" whose cells say something else, such as the state in a postal
// address or the name of a newsletter.
func (m *Mapping) doubtStatuses(keys []string, rows []Record) {
	for i := range m.Columns {
		understands := isStatus
		switch {
		case m.Columns[i].Role == RoleStatus && (keys[i] == "status" || keys[i] == "state"):
		case m.Columns[i].Role == RoleOptIn && keys[i] == "newsletter":
			understands = isYesOrNo
		default:
			continue
		}
		if understood, filled := share(rows, i, understands); filled && understood < 0.5 {
			m.Columns[i].Role = RoleField
		}
	}
}

// chooseEmail leaves the role of address to one column: the one whose cells hold
// most addresses, where headings agree on several or on none.
func (m *Mapping) chooseEmail(keys []string, rows []Record) {
	best, bestScore := -1, 0.0
	for i := range m.Columns {
		score, _ := share(rows, i, isAddress)
		switch {
		case m.Columns[i].Role == RoleEmail:
			score += 2 - emailRank(keys[i])
		case m.Columns[i].Role != RoleField || score < 0.5:
			continue
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	for i := range m.Columns {
		switch {
		case i == best:
			m.Columns[i].Role = RoleEmail
		case m.Columns[i].Role == RoleEmail:
			m.Columns[i].Role = RoleField
		}
	}
}

// share returns the share of the filled cells of a column that are as wanted,
// and whether any cell is filled.
func share(rows []Record, column int, wanted func(cell string) bool) (good float64, filled bool) {
	n := 0
	for _, rec := range rows {
		if column >= len(rec.Cells) || strings.TrimSpace(rec.Cells[column]) == "" {
			continue
		}
		n++
		if wanted(rec.Cells[column]) {
			good++
		}
	}
	return good / float64(max(n, 1)), n > 0
}

func isStatus(cell string) bool {
	_, ok := ParseStatus(cell)
	return ok
}

func isYesOrNo(cell string) bool {
	_, ok := yesWords[headingKey(cell)]
	return ok || isStatus(cell)
}

// nameFields gives each field a name of its own: that of the table of headings,
// else the heading in lower case with underscores, numbered where it occurs twice.
func (m *Mapping) nameFields() {
	seen := map[string]int{}
	for i := range m.Columns {
		c := &m.Columns[i]
		switch c.Role {
		case RoleField, RoleMoreEmails, RoleTags:
		default:
			c.Field = ""
			continue
		}
		if c.Field == "" {
			c.Field = fieldName(c.Heading)
		}
		if c.Field == "" {
			c.Field = "column_" + strconv.Itoa(i+1)
		}
		if c.Role == RoleField {
			seen[c.Field]++
			if n := seen[c.Field]; n > 1 {
				c.Field += "_" + strconv.Itoa(n)
			}
		}
	}
}

// headingKey folds a heading for comparison: lower case, letters and digits only.
func headingKey(heading string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// maxFieldName bounds the name of a field made from a heading, in characters.
const maxFieldName = 60

// fieldName makes the name of a field from a heading: "Date of birth" becomes
// "date_of_birth".
func fieldName(heading string) string {
	var b strings.Builder
	gap := false
	n := 0
	for _, r := range strings.ToLower(heading) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = b.Len() > 0
			continue
		}
		if n++; n > maxFieldName {
			break
		}
		if gap {
			b.WriteByte('_')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
