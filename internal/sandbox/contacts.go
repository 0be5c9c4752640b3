package sandbox

import (
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/pacing/receiver"
)

// RowKind says what is right or wrong with a row of the contact list.
type RowKind string

// The kinds of rows. Only the bad ones can be asked for in contacts.bad.
const (
	RowGood      RowKind = "good"      // a contact at a provider
	RowSpecial   RowKind = "special"   // a contact at a special domain
	RowDuplicate RowKind = "duplicate" // the address of another row, perhaps in other case

	RowNoAt          RowKind = "no_at"          // anna.northmail.test
	RowDoubleAt      RowKind = "double_at"      // anna@@northmail.test
	RowTwoAddresses  RowKind = "two_addresses"  // anna@northmail.test;ben@northmail.test
	RowEmpty         RowKind = "empty"          // no address at all
	RowNoDomain      RowKind = "no_domain"      // anna@
	RowBadDomain     RowKind = "bad_domain"     // anna@-northmail..test
	RowReservedName  RowKind = "reserved_name"  // anna@printer.localhost: a name that no mail host can have
	RowInnerSpace    RowKind = "inner_space"    // an na@northmail.test
	RowQuotedJunk    RowKind = "quoted_junk"    // "anna@northmail.test with a quote that is never closed
	RowTypoDomain    RowKind = "typo_domain"    // anna@nrothmail.test: well formed, but there is no such domain
	RowSpaces        RowKind = "spaces"         // spaces around a good address
	RowWrongEncoding RowKind = "wrong_encoding" // a good address beside a name in Latin-1 among UTF-8
	RowMissingFields RowKind = "missing_fields" // a good address and nothing else
)

var badKinds = []RowKind{
	RowNoAt, RowDoubleAt, RowTwoAddresses, RowEmpty, RowNoDomain, RowBadDomain, RowReservedName,
	RowInnerSpace, RowQuotedJunk, RowTypoDomain, RowSpaces, RowWrongEncoding, RowMissingFields,
}

// Row is one row of the contact list and the truth about it.
type Row struct {
	Number  int // from 1; the header is not counted
	Kind    RowKind
	Columns []string // as they stand in the file; the first is the address

	Address  string           // the address to mail, in the form in which it is sent; empty when the row has none
	Provider string           // who receives its mail; empty at special domains other than implicit MX
	Special  SpecialKind      // peculiarity of its domain; nxdomain for a misspelt one
	Mailbox  receiver.Mailbox // state of its mailbox
	Leaves   Leaving          // whether and when its reader unsubscribes
}

// Usable reports whether the row holds a well-formed address that can be
// imported, if need be after trimming spaces. A duplicate is usable too: its
// address is.
func (r Row) Usable() bool { return r.Address != "" }

// Header returns the columns of the contact list.
func (f *File) Header() []string {
	out := []string{"email"}
	for _, field := range f.columns() {
		out = append(out, string(field))
	}
	return out
}

func (f *File) columns() []Field {
	if len(f.List.Fields) == 0 {
		return []Field{FirstName, LastName, City}
	}
	return f.List.Fields
}

// Contacts returns the n rows of the contact list; n 0 stands for
// contacts.count. The same file and n give the same rows. For another n the
// numbers of bad rows, duplicates and special contacts are scaled.
func (f *File) Contacts(n int) iter.Seq[Row] {
	if n <= 0 {
		n = f.List.Count
	}
	return func(yield func(Row) bool) {
		if n == 0 {
			return
		}
		plan := f.plan(n)
		for i := range n {
			if !yield(plan.row(i)) {
				return
			}
		}
	}
}

// plan says which row is of which kind. Rows are dealt by an affine
// permutation of their numbers, so that every kind has exactly its count,
// spread evenly, and no list of rows need be kept.
type plan struct {
	file    *File
	n       int
	step    int // coprime to n, near n ÷ golden ratio
	offset  int
	slots   []slot
	good    int // rows of kind good
	typos   map[string]string
	sharers []sharer
}

// slot is a run of permuted positions that share a kind.
type slot struct {
	until   int // positions below this, and not of an earlier slot
	kind    RowKind
	special *Special
}

// sharer is a provider with the end of its part of the good rows, 0 to 1.
type sharer struct {
	provider *Provider
	domains  []string
	until    float64
}

func (f *File) plan(n int) *plan {
	p := &plan{file: f, n: n, offset: int(f.chance("offset") * float64(n))}
	for p.step = max(1, int(float64(n)/math.Phi)); gcd(p.step, n) != 1; p.step++ {
	}
	at := 0
	add := func(count int, kind RowKind, special *Special) {
		at = min(at+f.scaled(count, n), n-1) // one row at least is good, for duplicates to repeat
		p.slots = append(p.slots, slot{until: at, kind: kind, special: special})
	}
	for _, kind := range badKinds {
		add(f.List.Bad[kind], kind, nil)
	}
	add(f.List.Duplicates, RowDuplicate, nil)
	for i := range f.DNS.Special {
		add(f.DNS.Special[i].Contacts, RowSpecial, &f.DNS.Special[i])
	}
	p.good = n - at
	p.sharers = f.sharers()
	p.typos = f.typos()
	return p
}

// scaled converts a count of the file to a list of n rows.
func (f *File) scaled(count, n int) int {
	if f.List.Count == 0 || n == f.List.Count {
		return count
	}
	return int(math.Round(float64(count) * float64(n) / float64(f.List.Count)))
}

// sharers cuts the good rows into the providers' shares.
func (f *File) sharers() []sharer {
	given, without := 0.0, 0
	for i := range f.Providers {
		given += float64(f.Providers[i].Share)
		if f.Providers[i].Share == 0 {
			without++
		}
	}
	var out []sharer
	until := 0.0
	for i := range f.Providers {
		share := float64(f.Providers[i].Share)
		if share == 0 {
			share = max(0, 1-given) / float64(without)
		}
		until += share
		out = append(out, sharer{&f.Providers[i], f.Providers[i].AllDomains(), until})
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// position returns the place of row i among the slots.
func (p *plan) position(i int) int { return (p.offset + i*p.step) % p.n }

// slot returns what a position is: its slot, or nil for a good row.
func (p *plan) slot(position int) *slot {
	for i := range p.slots {
		if position < p.slots[i].until {
			return &p.slots[i]
		}
	}
	return nil
}

// row makes row i, numbered from 0.
func (p *plan) row(i int) Row {
	position := p.position(i)
	s := p.slot(position)
	switch {
	case s == nil:
		return p.goodRow(i, position)
	case s.kind == RowSpecial:
		return p.specialRow(i, s.special)
	case s.kind == RowDuplicate:
		return p.duplicateRow(i)
	default:
		return p.badRow(i, position, s.kind)
	}
}

// goodRow makes a contact at a provider.
func (p *plan) goodRow(i, position int) Row {
	rank := float64(position-(p.n-p.good)) + 0.5
	at := p.sharers[len(p.sharers)-1]
	for _, s := range p.sharers {
		if rank/float64(p.good) < s.until {
			at = s
			break
		}
	}
	// Squared: a provider's first domains have the most contacts, as in life.
	u := p.file.draw("domain", i)
	domain := at.domains[int(u*u*float64(len(at.domains)))]
	who := p.file.person(i)
	return p.file.describe(Row{
		Number: i + 1, Kind: RowGood, Columns: p.columns(i, who, who.local+"@"+domain),
		Address: who.local + "@" + domain, Provider: at.provider.Name,
	})
}

func (p *plan) specialRow(i int, s *Special) Row {
	who := p.file.person(i)
	address := who.local + "@" + s.Domain
	return p.file.describe(Row{
		Number: i + 1, Kind: RowSpecial, Columns: p.columns(i, who, address),
		Address: address, Provider: s.Provider, Special: s.Kind,
	})
}

// duplicateRow repeats the address of a good row, an earlier one if there is any.
func (p *plan) duplicateRow(i int) Row {
	j := int(p.file.draw("duplicate", i) * float64(i+1))
	for step := -1; p.slot(p.position(j)) != nil; j += step {
		if j == 0 {
			step = 1
		}
	}
	row := p.goodRow(j, p.position(j))
	row.Number, row.Kind = i+1, RowDuplicate
	if p.file.draw("case", i) < 0.5 {
		row.Columns[0] = strings.ToUpper(row.Address)
	}
	return row
}

// describe adds what is known about an address.
func (f *File) describe(r Row) Row {
	if p := f.provider(r.Provider); p != nil {
		r.Mailbox = p.Mailboxes.State(f.providerSeed(p.Name), r.Address)
		r.Leaves, _ = f.leaves(p, r.Address)
	}
	return r
}

// provider returns the provider with a name, nil if there is none.
func (f *File) provider(name string) *Provider {
	for i := range f.Providers {
		if f.Providers[i].Name == name {
			return &f.Providers[i]
		}
	}
	return nil
}

// chance draws a number in [0, 1) for a text; draw does so for a row.
func (f *File) chance(text string) float64 { return receiver.Fraction(f.Seed, text) }

func (f *File) draw(what string, row int) float64 {
	return f.chance(what + " " + strconv.Itoa(row))
}
