package dsn

import "strings"

// addWords adds to recipients that fields named what the text says of them.
func (m *mail) addWords() {
	r := &m.report
	others := m.others()
	named := func(a string) bool {
		for i := range r.Recipients {
			if strings.EqualFold(r.Recipients[i].Address, a) {
				return false
			}
		}
		return others(a)
	}
	found := passages(m.lines, named)
	for i := range r.Recipients {
		to := &r.Recipients[i]
		lines := m.lines
		if len(r.Recipients) > 1 {
			lines = nil // what the text says of others is not said of this one
		}
		for _, p := range found {
			if strings.EqualFold(p.address, to.Address) && len(p.lines) > 0 {
				lines = p.lines
			}
		}
		if to.Address == "" && len(r.Recipients) == 1 {
			to.Address = m.anyAddress(found, others)
		}
		describe(to, lines, m.lines, len(r.Recipients) == 1)
	}
}

// fromWords finds the recipients of a report without fields.
func (m *mail) fromWords() {
	r := &m.report
	others := m.others()
	failed := m.header.get("X-Failed-Recipients")
	found := passages(m.lines, others)
	for rest := failed; rest != "" && len(r.Recipients) < mostRecipients; {
		a, end := nextAddress(rest)
		if a == "" {
			break
		}
		r.Recipients = append(r.Recipients, Recipient{Address: a})
		rest = rest[end:]
	}
	if len(r.Recipients) == 0 {
		for _, p := range found {
			r.Recipients = append(r.Recipients, Recipient{Address: p.address})
		}
	}
	if len(r.Recipients) == 0 {
		r.Recipients = []Recipient{{Address: m.anyAddress(nil, others)}}
	}
	for i := range r.Recipients {
		lines := m.lines
		for _, p := range found {
			if strings.EqualFold(p.address, r.Recipients[i].Address) {
				lines = p.lines
			}
		}
		describe(&r.Recipients[i], lines, m.lines, len(r.Recipients) == 1)
	}
}

// anyAddress returns the address that the report most likely speaks of.
func (m *mail) anyAddress(found []passage, others func(string) bool) string {
	if len(found) > 0 {
		return found[0].address
	}
	if a := firstAddress(m.lines, others); a != "" {
		return a
	}
	return addressIn(m.report.Original.To)
}

// describe fills in what is said: in the recipient's own lines first, and in all
// when they speak of nobody else.
func describe(to *Recipient, lines, all []string, alone bool) {
	to.Quoted = quotedReply(lines)
	if alone && len(lines) < len(all) {
		to.Whole = joined(all)
		if to.Quoted == "" {
			to.Quoted = quotedReply(all)
		}
	}
	to.Phase = phaseOf([]string{to.Diagnostic})
	if to.Phase == "async" {
		to.Phase = phaseOf(lines)
	}
	to.Text = joined(lines)
}
