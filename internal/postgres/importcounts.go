package postgres

// ImportCounts are the figures of an import's report. Rows is the sum of New,
// Updated, Unchanged, Duplicate, SuppressOnly, Erased, Forgotten and the invalid rows.
type ImportCounts struct {
	Rows         int64            `json:"rows"`             // data rows read
	New          int64            `json:"new"`              // contacts made
	Updated      int64            `json:"updated"`          // contacts whose fields changed
	Unchanged    int64            `json:"unchanged"`        // contacts that were there already, as they are
	Duplicate    int64            `json:"duplicate"`        // rows whose address stands again further down in the file
	SuppressOnly int64            `json:"suppress_only"`    // rows that the file itself marks as not to be mailed
	Erased       int64            `json:"erased"`           // rows of people who asked to be forgotten
	Forgotten    int64            `json:"forgotten"`        // the same, of people who asked while the file was being imported
	Joined       int64            `json:"joined"`           // contacts that became members of the list
	Suppressed   int64            `json:"suppressed"`       // of New, Updated and Unchanged: must not be mailed
	SamePerson   int64            `json:"same_person"`      // of New: another spelling of a contact's address
	Invalid      map[string]int64 `json:"invalid"`          // rows that were refused, by reason
	Risky        map[string]int64 `json:"risky"`            // of the valid rows: what speaks against them, by reason
	Typos        []ImportTypo     `json:"typos"`            // the first of the addresses that look mistyped
	Steps        int              `json:"steps,omitempty"`  // of the merge, until now
	Undone       *UndoPlan        `json:"undone,omitempty"` // what an undo took back, until now

	Mended   int64 `json:"mended,omitempty"`   // rows with bytes that are no UTF-8, read as Windows-1252
	Trailing int64 `json:"trailing,omitempty"` // bytes behind the end of a compressed file, passed over
}

// ImportTypo is a valid address that looks like another one mistyped.
type ImportTypo struct {
	Line       int    `json:"line"`
	Address    string `json:"address"`
	Suggestion string `json:"suggestion"`
}

// shownTypos is how many of them a report names.
const shownTypos = 20

// Refused returns the number of rows that were refused.
func (c ImportCounts) Refused() int64 {
	var n int64
	for _, v := range c.Invalid {
		n += v
	}
	return n
}

// Merged returns the number of rows that the merge has dealt with.
func (c ImportCounts) Merged() int64 {
	return c.New + c.Updated + c.Unchanged + c.Duplicate + c.SuppressOnly + c.Forgotten
}

// restage forgets what reading counted: the file is read again from its start.
// What was merged stays merged.
func (c *ImportCounts) restage() {
	c.Rows, c.Erased, c.Mended, c.Trailing, c.Invalid, c.Risky, c.Typos = 0, 0, 0, 0, nil, nil, nil
}

// add adds what a batch of rows counted.
func (c *ImportCounts) add(b *StagedBatch) {
	c.Rows += b.Rows
	c.Mended += b.Mended
	c.Trailing += b.Trailing
	addCounts(&c.Invalid, b.Invalid)
	addCounts(&c.Risky, b.Risky)
	c.Typos = append(c.Typos[:len(c.Typos):len(c.Typos)], b.Typos...)
	c.Typos = c.Typos[:min(len(c.Typos), shownTypos)]
}

// addMerged adds what merging a range of rows counted.
func (c *ImportCounts) addMerged(m ImportCounts) {
	c.New += m.New
	c.Updated += m.Updated
	c.Unchanged += m.Unchanged
	c.Duplicate += m.Duplicate
	c.SuppressOnly += m.SuppressOnly
	c.Forgotten += m.Forgotten
	c.Joined += m.Joined
	c.Suppressed += m.Suppressed
	c.SamePerson += m.SamePerson
}

// addCounts adds to a new map: the old one belongs to a step that may yet fail.
func addCounts(to *map[string]int64, more map[string]int64) {
	sums := make(map[string]int64, len(*to)+len(more))
	for reason, n := range *to {
		sums[reason] = n
	}
	for reason, n := range more {
		sums[reason] += n
	}
	*to = sums
}
