package intake

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Guard makes a cell safe to open in a spreadsheet: what a spreadsheet would
// run as a formula gets an apostrophe in front. [Unguard] takes it off again,
// for any cell, so that a file we wrote reads back as it was.
func Guard(cell string) string {
	if isFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// Unguard undoes [Guard].
func Unguard(cell string) string {
	if strings.HasPrefix(cell, "'") && isFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

// isFormula reports the first characters that spreadsheets act upon (OWASP,
// CSV injection).
func isFormula(cell string) bool {
	return cell != "" && strings.IndexByte("=+-@\t\r\n", cell[0]) >= 0
}

// Writer writes CSV (RFC 4180) whose cells are safe to open in a spreadsheet.
type Writer struct {
	csv   *csv.Writer
	cells []string
}

// NewWriter returns a writer to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{csv: csv.NewWriter(w)}
}

// Write writes one row.
func (w *Writer) Write(cells []string) error {
	w.cells = w.cells[:0]
	for _, cell := range cells {
		w.cells = append(w.cells, Guard(cell))
	}
	return w.csv.Write(w.cells)
}

// Flush writes what is buffered and returns the first error.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// RejectWriter writes refused rows so that they can be mended and uploaded
// again: the columns of the file, then line, problem and suggestion, which the
// next import ignores.
type RejectWriter struct {
	w     *Writer
	width int
	row   []string
}

// NewRejectWriter writes the heading. A column without one is called by its
// place, the addresses "email".
func NewRejectWriter(w io.Writer, m Mapping) (*RejectWriter, error) {
	rw := &RejectWriter{w: NewWriter(w), width: len(m.Columns)}
	for i, c := range m.Columns {
		heading := c.Heading
		switch {
		case heading != "":
		case c.Role == RoleEmail:
			heading = "email"
		default:
			heading = "column " + strconv.Itoa(i+1)
		}
		rw.row = append(rw.row, heading)
	}
	return rw, rw.w.Write(append(rw.row, "line", "problem", "suggestion"))
}

// Write writes the record of a refused row, without NUL bytes. Cells beyond the
// heading are joined to the last one; the line of a row that could not be read
// stands in the first.
func (rw *RejectWriter) Write(rec Record, p *Problem) error {
	rw.row = rw.row[:0]
	for i, cell := range rec.Cells {
		cell = strings.ReplaceAll(cell, "\x00", "")
		if i < rw.width {
			rw.row = append(rw.row, Unguard(cell)) // guarded by an earlier export, perhaps
		} else {
			rw.row[rw.width-1] += "," + cell
		}
	}
	for len(rw.row) < rw.width {
		rw.row = append(rw.row, "")
	}
	return rw.w.Write(append(slices.Clip(rw.row), strconv.Itoa(rec.Line), p.Words(), p.Suggestion))
}

// Flush writes what is buffered and returns the first error.
func (rw *RejectWriter) Flush() error { return rw.w.Flush() }
