package intake

import "github.com/headwaymail/headway/listhygiene/address"

// shownLines is how many lines of each outcome a report names.
const shownLines = 20

// Tally counts rows of one outcome and names the first of them.
type Tally struct {
	Count int   `json:"count"`
	Lines []int `json:"lines"` // at most 20
}

func (t *Tally) add(line int) {
	t.Count++
	if len(t.Lines) < shownLines {
		t.Lines = append(t.Lines, line)
	}
}

// Report counts what became of the rows of a file:
// Rows = Accepted + the sum of Problems.
type Report struct {
	Rows     int                       `json:"rows"`
	Accepted int                       `json:"accepted"`
	Blank    int                       `json:"blank"` // passed over, not among Rows
	Problems map[Code]*Tally           `json:"problems"`
	Statuses map[Status]int            `json:"statuses"` // of accepted rows
	Tidied   map[address.Change]*Tally `json:"tidied"`
	Mended   Tally                     `json:"mended"` // read as Windows-1252
}

// Add counts one row.
func (r *Report) Add(row Row) {
	r.Rows++
	if row.Mended {
		r.Mended.add(row.Line)
	}
	if row.Problem != nil {
		addTally(&r.Problems, row.Problem.Code, row.Line)
		return
	}
	r.Accepted++
	if r.Statuses == nil {
		r.Statuses = map[Status]int{}
	}
	r.Statuses[row.Status]++
	for _, c := range row.Changes {
		addTally(&r.Tidied, c, row.Line)
	}
}

func addTally[K comparable](m *map[K]*Tally, key K, line int) {
	if *m == nil {
		*m = map[K]*Tally{}
	}
	if (*m)[key] == nil {
		(*m)[key] = &Tally{}
	}
	(*m)[key].add(line)
}
