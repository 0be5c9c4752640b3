package intake

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/risk"
)

// Options are the choices of an import that hold for all its rows.
type Options struct {
	// Addresses says which well-formed addresses are refused. The zero value is
	// the policy for real mail.
	Addresses address.Policy
	// Status is what the file or the user says of all rows. A row may be
	// stricter, never laxer. Defaults to Subscribe.
	Status Status
	// Source names where consent was given, for rows that do not say.
	Source string
}

// Mapper makes rows of records. It keeps nothing between rows.
type Mapper struct {
	columns  []Column
	email    int
	hasNames bool // a column holds names, so that those beside addresses are left
	options  Options
}

// NewMapper prepares a mapping. The error is a [*Refusal] for a mapping without
// a column of addresses.
func NewMapper(m Mapping, o Options) (*Mapper, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	if o.Status == "" {
		o.Status = Subscribe
	}
	hasNames := slices.ContainsFunc(m.Columns, func(c Column) bool {
		return c.Field == "name" || c.Field == "first_name" || c.Field == "last_name"
	})
	return &Mapper{columns: slices.Clone(m.Columns), email: m.Email(), hasNames: hasNames, options: o}, nil
}

// Row maps one record. The row keeps no memory of the record's slice.
func (m *Mapper) Row(rec Record) Row {
	row := Row{
		Position: rec.Position, Mended: rec.Mended,
		Status: m.options.Status, Consent: Consent{Source: m.options.Source},
	}
	if rec.Problem == "" || rec.Problem == TooManyCells {
		if m.email < len(rec.Cells) {
			row.Email = rec.Cells[m.email]
		}
	}
	if rec.Problem != "" {
		row.Problem = &Problem{Code: rec.Problem}
		return row
	}
	m.readAddress(&row)
	if row.Problem != nil && row.Problem.Code == EmailMissing {
		row.Problem.Suggestion = m.otherAddress(rec.Cells)
	}
	for i, cell := range rec.Cells {
		if i >= len(m.columns) {
			break
		}
		if value := strings.TrimSpace(Unguard(cell)); value != "" {
			m.readCell(&row, m.columns[i], value, len(m.columns)-i)
		}
	}
	return row
}

// severalSeparator is what Google Contacts puts between the values of one cell.
const severalSeparator = " ::: "

func (m *Mapper) readAddress(row *Row) {
	first, more, several := strings.Cut(row.Email, severalSeparator)
	tidied := address.Tidy(Unguard(first))
	if tidied.Text == "" {
		row.Problem = &Problem{Code: EmailMissing}
		return
	}
	a, err := m.options.Addresses.Parse(tidied.Text)
	var bad *address.Problem
	if errors.As(err, &bad) {
		row.Problem = m.explain(tidied.Text, bad.Code)
		return
	}
	if row.Mended && a.UTF8 {
		row.Problem = &Problem{Code: BadEncoding}
		return
	}
	row.Address, row.Changes = a, tidied.Changes
	if several {
		row.Fields = append(row.Fields, Field{moreEmails.field, strings.ReplaceAll(more, severalSeparator, ", ")})
	}
	if tidied.Name != "" && !m.hasNames {
		row.Fields = append(row.Fields, Field{"name", tidied.Name})
	}
}

// otherAddress returns the first address of a row whose own cell for it is
// empty: people with a second address only are common in address books.
func (m *Mapper) otherAddress(cells []string) string {
	for _, cell := range cells {
		if !strings.Contains(cell, "@") {
			continue
		}
		if a, err := m.options.Addresses.Parse(address.Tidy(Unguard(cell)).Text); err == nil {
			return a.String()
		}
	}
	return ""
}

// explain finds the most helpful code for a refused address, and a suggestion.
func (m *Mapper) explain(text string, code address.Code) *Problem {
	found := 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" ,;/|\n\t<>", r) }) {
		if _, err := m.options.Addresses.Parse(part); err == nil {
			found++
		}
	}
	if found > 1 {
		return &Problem{Code: SeveralAddresses}
	}
	return &Problem{Code: Code(listhygiene.SyntaxReason(code)), Suggestion: m.suggest(text)}
}

// suggest returns the address that a refused text was probably meant to be: with
// its punctuation mended, or with the domain that a common one was mistyped for.
func (m *Mapper) suggest(text string) string {
	if mended, ok := m.options.Addresses.Mend(text); ok {
		return mended.String()
	}
	local, domain, _ := strings.Cut(text, "@")
	if meant, ok := risk.SuggestDomain(strings.ToLower(domain)); ok {
		if a, err := m.options.Addresses.Parse(local + "@" + meant); err == nil {
			return a.String()
		}
	}
	return ""
}

// readCell puts one value where its column says. room is how many columns may
// still follow, for the size of the slice of fields.
func (m *Mapper) readCell(row *Row, c Column, value string, room int) {
	switch c.Role {
	case RoleField, RoleTags:
		row.add(c.Field, value, room)
	case RoleMoreEmails:
		row.addMore(c.Field, strings.ReplaceAll(value, severalSeparator, ", "))
	case RoleAttributes:
		row.addAttributes(c.Heading, value)
	case RoleStatus, RoleOptIn, RoleOptOut, RoleConfirmed, RoleBounced, RoleLeftAt:
		row.readStatus(c.Role, value)
	case RoleConsentTime, RoleConsentIP, RoleConsentSource, RoleConfirmTime, RoleConfirmIP:
		if !row.Consent.read(c.Role, value) {
			row.add(fieldName(c.Heading), value, room) // not understood: kept as it is
		}
	}
}

func (r *Row) add(name, value string, room int) {
	if r.Fields == nil {
		r.Fields = make([]Field, 0, room)
	}
	r.Fields = append(r.Fields, Field{name, value})
}

// addMore joins the values of several columns in one field.
func (r *Row) addMore(name, value string) {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			r.Fields[i].Value += ", " + value
			return
		}
	}
	r.add(name, value, 1)
}

// addAttributes makes a field of each member of a JSON object. What is no
// object is kept as one field.
func (r *Row) addAttributes(heading, value string) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &object) != nil {
		r.add(fieldName(heading), value, 1)
		return
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if text := attributeText(object[name]); text != "" && name != "" {
			r.add(name, text, len(names))
		}
	}
}

// attributeText returns a JSON string as its text, null as nothing, and any
// other value as it is written. NUL, which no database stores, is left out.
func attributeText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return strings.ReplaceAll(s, "\x00", "")
	}
	return string(raw)
}

// readStatus makes the row's status stricter where a cell says so.
func (r *Row) readStatus(role Role, value string) {
	said, known := Subscribe, true
	yes, isBool := yesWords[headingKey(value)]
	switch role {
	case RoleLeftAt:
		said = Unsubscribed
	case RoleBounced:
		if !isBool || yes {
			said = Bounced
		}
	case RoleStatus:
		said, known = ParseStatus(value)
	default:
		said, known = booleanStatus(role, yes), isBool
		if s, ok := ParseStatus(value); !isBool && ok {
			said, known = s, true
		}
	}
	if !known && r.Problem == nil {
		r.Problem = &Problem{Code: StatusUnknown}
		return
	}
	r.Status = Stricter(r.Status, said)
}

func booleanStatus(role Role, yes bool) Status {
	switch {
	case role == RoleOptIn && !yes, role == RoleOptOut && yes:
		return Unsubscribed
	case role == RoleConfirmed && !yes:
		return Unconfirmed
	}
	return Subscribe
}

// read takes one value of consent; it reports whether it was understood.
func (c *Consent) read(role Role, value string) (ok bool) {
	switch role {
	case RoleConsentTime:
		c.At, ok = parseTime(value)
	case RoleConfirmTime:
		c.ConfirmedAt, ok = parseTime(value)
	case RoleConsentIP:
		c.IP, ok = parseIP(value)
	case RoleConfirmIP:
		c.ConfirmedIP, ok = parseIP(value)
	case RoleConsentSource:
		c.Source, ok = value, true
	}
	return ok
}

func parseIP(value string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(value)
	return ip, err == nil
}
