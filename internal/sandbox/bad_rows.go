package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// individual is who stands behind a row.
type individual struct {
	first, last string
	local       string // of the address; unique, since it ends in the row number
}

// person makes the individual of row i, numbered from 0.
func (f *File) person(i int) individual {
	first := pick(firstNames, f.draw("first", i))
	last := pick(lastNames, f.draw("last", i))
	number := strconv.Itoa(i + 1)
	local := first[1] + "." + last[1] + number
	switch style := f.draw("style", i); {
	case style < 0.25:
		local = first[1] + number
	case style < 0.4:
		local = first[1][:1] + "_" + last[1] + number
	}
	return individual{first: first[0], last: last[0], local: local}
}

func pick[T any](from []T, u float64) T { return from[int(u*float64(len(from)))] }

// columns makes the columns of a row.
func (p *plan) columns(i int, who individual, email string) []string {
	out := []string{email}
	for _, field := range p.file.columns() {
		u := p.file.draw(string(field), i)
		switch field {
		case FirstName:
			out = append(out, who.first)
		case LastName:
			out = append(out, who.last)
		case City:
			out = append(out, pick(cities, u))
		case Language:
			out = append(out, pick(languages, u))
		case Plan:
			out = append(out, pick(plans, u))
		case Joined:
			day := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(u*1200))
			out = append(out, day.Format(time.DateOnly))
		}
	}
	return out
}

// badRow makes a row with something wrong, from a contact that would be good.
func (p *plan) badRow(i, position int, kind RowKind) Row {
	// Spread over the providers as good rows are.
	row := p.goodRow(i, p.n-p.good+position%p.good)
	row.Kind = kind
	local, domain, _ := strings.Cut(row.Address, "@")
	email := row.Address
	switch kind {
	case RowSpaces:
		row.Columns[0] = "  " + email + " "
		return row
	case RowWrongEncoding:
		row.Columns = append(row.Columns[:1:1], "Ren\xe9") // é in Latin-1
		for len(row.Columns) < len(p.file.columns())+1 {
			row.Columns = append(row.Columns, "")
		}
		return row
	case RowMissingFields:
		row.Columns = row.Columns[:1]
		return row
	case RowTypoDomain:
		typo := local + "@" + p.typos[domain]
		columns := append([]string{typo}, row.Columns[1:]...)
		return Row{Number: i + 1, Kind: kind, Columns: columns, Address: typo, Special: NXDomain}
	case RowNoAt:
		email = local + "." + domain
	case RowDoubleAt:
		email = local + "@@" + domain
	case RowTwoAddresses:
		email = fmt.Sprintf("%s;info%d@%s", row.Address, i+1, domain)
	case RowEmpty:
		email = ""
	case RowNoDomain:
		email = local + "@"
	case RowBadDomain:
		email = local + "@-" + strings.Replace(domain, ".", "..", 1)
	case RowReservedName:
		email = local + "@printer.localhost"
	case RowInnerSpace:
		email = local[:1] + " " + local[1:] + "@" + domain
	case RowQuotedJunk:
		email = `"` + row.Address
	}
	return Row{Number: i + 1, Kind: kind, Columns: append([]string{email}, row.Columns[1:]...)}
}

// typos gives a misspelt form, which nobody owns, for each provider domain.
func (f *File) typos() map[string]string {
	taken := map[string]bool{}
	for _, s := range f.DNS.Special {
		taken[s.Domain] = true
	}
	for i := range f.Providers {
		for _, d := range f.Providers[i].AllDomains() {
			taken[d] = true
		}
	}
	out := map[string]string{}
	for i := range f.Providers {
		for _, d := range f.Providers[i].AllDomains() {
			out[d] = misspell(d, taken)
		}
	}
	return out
}

// misspell swaps two neighbouring letters or doubles one, so that the result
// is not taken.
func misspell(domain string, taken map[string]bool) string {
	label, rest, _ := strings.Cut(domain, ".")
	for i := 1; i+1 < len(label); i++ {
		a, b := label[i], label[i+1]
		typo := label[:i] + string([]byte{b, a}) + label[i+2:] + "." + rest
		if a >= 'a' && b >= 'a' && a != b && !taken[typo] {
			return typo
		}
	}
	for last := label[len(label)-1:]; ; label += last {
		if typo := label + last + "." + rest; !taken[typo] {
			return typo
		}
	}
}
