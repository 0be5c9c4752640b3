package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table prints aligned columns: the first two to the left, all others, which
// hold numbers, to the right unless they are marked.
type table struct {
	head  []string
	rows  [][]string
	left  map[int]bool
	total bool // the last row is a sum
}

func newTable(head ...string) *table {
	return &table{head: head, left: map[int]bool{0: true, 1: true}}
}

// leftAlign marks columns that hold words.
func (t *table) leftAlign(columns ...int) *table {
	for _, c := range columns {
		t.left[c] = true
	}
	return t
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) sum(cells ...string) {
	t.row(cells...)
	t.total = true
}

func (t *table) print(w io.Writer) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	t.line(w, widths, t.head)
	rule := 2 * (len(widths) - 1)
	for _, width := range widths {
		rule += width
	}
	for i, row := range t.rows {
		if t.total && i == len(t.rows)-1 {
			fmt.Fprintln(w, strings.Repeat("─", rule))
		}
		t.line(w, widths, row)
	}
}

func (t *table) line(w io.Writer, widths []int, row []string) {
	var b strings.Builder
	for i, cell := range row {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.left[i] {
			b.WriteString(cell + pad)
		} else {
			b.WriteString(pad + cell)
		}
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// count writes a number with thousands separators: 12,345.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// percent writes a part of a whole, rounded down, so that 100 % means all.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", float64(part*1000/whole)/10)
}
