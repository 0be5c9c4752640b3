package intake

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRecord is the longest record in bytes, and so how far the reader looks for
// the end of a quoted cell before it calls the quotation mark a stray one. It
// holds wherever reading began, so that a resumed import sees the same rows.
const maxRecord = 256 << 10

// window is the size of the reader's buffer: twice a record, so that it is
// refilled once for each 256 KB and never in the middle of one.
const window = 2 * maxRecord

// keptOfLong is how many bytes of a row that is too long are kept to show.
const keptOfLong = 1 << 10

// Position is where a record begins.
type Position struct {
	Line   int   `json:"line"`   // physical line, from 1
	Offset int64 `json:"offset"` // byte of the file for UTF-8, of the decoded text otherwise
}

// Record is one row of the file.
type Record struct {
	Position
	// Cells holds the values, unquoted. The slice is used again by the next
	// call; the strings may be kept. A broken row has one cell: its first line
	// as it stands in the file.
	Cells []string
	// Mended is true when bytes that are no UTF-8 were read as Windows-1252.
	Mended bool
	// Problem is empty for a row that was read whole.
	Problem Code
}

// Reader reads records. It holds at most half a megabyte of the file.
type Reader struct {
	src    io.Reader
	format Format
	buf    []byte
	start  int // of what is not read yet in buf
	end    int
	eof    bool
	err    error    // of src; kept, since not every reader repeats it
	next   Position // of buf[start]
	blank  int

	scan  scanner
	cells []string
}

// NewReader reads a file from its start. The heading, if the format has one, is
// passed over.
func NewReader(r io.Reader, f Format) *Reader {
	rd := newReader(decoded(r, f), f)
	rd.next = Position{Line: 1}
	if f.Encoding == UTF8 {
		rd.next.Offset = int64(f.Mark)
	}
	rd.passOver(f.SkipLines)
	if f.Header {
		_, _ = rd.Next() // an error comes again with the first row
	}
	return rd
}

// Resume reads on from a position that [Reader.Position] returned for the same
// file and format. A seekable file in UTF-8 is entered there at once; any other
// is read again, unseen, up to its line.
func Resume(r io.Reader, f Format, at Position) (*Reader, error) {
	if s, ok := r.(io.Seeker); ok && f.Encoding == UTF8 {
		if _, err := s.Seek(at.Offset, io.SeekStart); err != nil {
			return nil, fmt.Errorf("resume at line %d: %w", at.Line, err)
		}
		rd := newReader(r, f)
		rd.next = at
		return rd, nil
	}
	rd := NewReader(r, f)
	for rd.next.Line < at.Line {
		if _, err := rd.Next(); err == io.EOF {
			return rd, nil
		} else if err != nil {
			return nil, fmt.Errorf("resume at line %d: %w", at.Line, err)
		}
	}
	return rd, nil
}

func newReader(src io.Reader, f Format) *Reader {
	return &Reader{
		src: src, format: f, buf: make([]byte, window),
		scan: scanner{delimiter: f.Delimiter, terminator: f.Newline.terminator()},
	}
}

// Position returns where the next record begins; store it to [Resume] there.
func (r *Reader) Position() Position { return r.next }

// Blank returns how many rows were passed over because all cells were empty.
func (r *Reader) Blank() int { return r.blank }

// Next returns the next row that is not blank, io.EOF after the last one, or
// the error of the underlying reader.
func (r *Reader) Next() (Record, error) {
	for {
		rec, err := r.record()
		if err != nil || !isBlank(rec) {
			return rec, err
		}
		r.blank++
	}
}

func isBlank(rec Record) bool {
	if rec.Problem != "" {
		return false
	}
	for _, cell := range rec.Cells {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

func (r *Reader) record() (Record, error) {
	if err := r.fill(); err != nil {
		return Record{}, fmt.Errorf("read line %d: %w", r.next.Line, err)
	}
	w := r.buf[r.start:min(r.end, r.start+maxRecord)]
	if len(w) == 0 {
		return Record{}, io.EOF
	}
	rec := Record{Position: r.next}
	cut := !r.eof || r.start+len(w) < r.end // there is more than w
	n, ok := r.scan.record(w)
	switch {
	case n == len(w) && cut:
		return r.tooLong(rec, w)
	case !ok:
		n = r.lineEnd(w)
		if n == len(w) && cut {
			return r.tooLong(rec, w)
		}
		rec.Problem = UnclosedQuote
		r.keepLine(bytes.TrimRight(w[:n], "\r\n"))
	}
	r.advance(n)
	return r.finish(rec), nil
}

// fill makes sure that a whole record of at most maxRecord lies in the buffer.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.eof || r.end-r.start >= maxRecord {
		return nil
	}
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	n, err := io.ReadFull(r.src, r.buf[r.end:])
	r.end += n
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		r.eof = true
		return nil
	}
	r.err = err
	return err
}

// finish makes cells of the scanned text and judges them.
func (r *Reader) finish(rec Record) Record {
	if !r.isText() {
		rec.Mended = true
		r.mend()
	}
	text := string(r.scan.text)
	r.cells = r.cells[:0]
	from := 0
	for _, to := range r.scan.ends {
		r.cells = append(r.cells, text[from:to])
		from = to
	}
	rec.Cells = r.cells
	switch {
	case rec.Problem != "":
	case strings.IndexByte(text, 0) >= 0:
		rec.Problem = NULByte
	case r.format.Columns > 0 && len(rec.Cells) > r.format.Columns && !isBlank(Record{Cells: rec.Cells[r.format.Columns:]}):
		rec.Problem = TooManyCells
	}
	return rec
}

// isText reports whether every cell is UTF-8. Cells are checked one by one: two
// halves of a character may stand on both sides of a delimiter.
func (r *Reader) isText() bool {
	from := 0
	for _, to := range r.scan.ends {
		if !utf8.Valid(r.scan.text[from:to]) {
			return false
		}
		from = to
	}
	return true
}

// mend replaces bytes that are no UTF-8, cell by cell since cells grow.
func (r *Reader) mend() {
	var text []byte
	from := 0
	for i, to := range r.scan.ends {
		text = append(text, mendText(r.scan.text[from:to])...)
		from = to
		r.scan.ends[i] = len(text)
	}
	r.scan.text = text
}

// keepLine makes the line as it stands the only cell.
func (r *Reader) keepLine(line []byte) {
	r.scan.text = append(r.scan.text[:0], line...)
	r.scan.ends = append(r.scan.ends[:0], len(r.scan.text))
}

func (r *Reader) advance(n int) {
	r.next.Line += bytes.Count(r.buf[r.start:r.start+n], []byte{r.scan.terminator})
	r.next.Offset += int64(n)
	r.start += n
}

// lineEnd returns the length of the first line of w with its terminator.
func (r *Reader) lineEnd(w []byte) int {
	if i := bytes.IndexByte(w, r.scan.terminator); i >= 0 {
		return i + 1
	}
	return len(w)
}

// tooLong gives up a record that does not fit the buffer: its first line is
// passed over, however long, and reading goes on after it.
func (r *Reader) tooLong(rec Record, w []byte) (Record, error) {
	rec.Problem = RowTooLong
	r.keepLine(w[:min(keptOfLong, r.lineEnd(w))])
	if err := r.dropLine(); err != nil {
		return Record{}, fmt.Errorf("read line %d: %w", rec.Line, err)
	}
	return r.finish(rec), nil
}

func (r *Reader) dropLine() error {
	for {
		if err := r.fill(); err != nil {
			return err
		}
		w := r.buf[r.start:r.end]
		n := r.lineEnd(w)
		ended := n > 0 && w[n-1] == r.scan.terminator
		r.advance(n)
		if ended || r.eof && r.start == r.end {
			return nil
		}
	}
}

func (r *Reader) passOver(lines int) {
	for range lines {
		if err := r.dropLine(); err != nil {
			return // the error comes again with the first row
		}
	}
}
