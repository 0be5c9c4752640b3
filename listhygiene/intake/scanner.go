package intake

import "bytes"

// scanner splits one record of delimited text into cells (RFC 4180), forgiving
// what can be forgiven within one line:
//
//   - spaces before an opening and after a closing quotation mark;
//   - a quotation mark inside an unquoted cell: it is an ordinary character;
//   - a single one inside a quoted cell that ends on the same line: likewise.
//
// A quoted cell may go over several lines only when all quotation marks in it
// are doubled; otherwise a stray mark would swallow the rows that follow.
type scanner struct {
	delimiter  byte // 0: the line is the only cell
	terminator byte

	text []byte // values of the cells, one after the other
	ends []int  // where each cell ends in text
}

// record scans the record at the start of w and returns its length with the
// terminator. It returns ok = false when a quotation mark is misplaced or not
// closed. A length of len(w) means that the record may go on beyond w.
func (s *scanner) record(w []byte) (n int, ok bool) {
	s.text, s.ends = s.text[:0], s.ends[:0]
	for i := 0; ; i++ {
		if i, ok = s.cell(w, i); !ok {
			return 0, false
		}
		s.ends = append(s.ends, len(s.text))
		if i == len(w) || w[i] == s.terminator {
			return s.afterTerminator(w, i), true
		}
	}
}

// cell scans the cell at w[i:] and returns the index of what ends it.
func (s *scanner) cell(w []byte, i int) (end int, ok bool) {
	if s.delimiter == 0 {
		return s.line(w, i), true
	}
	if q := skipSpaces(w, i); q < len(w) && w[q] == '"' {
		return s.quoted(w, q+1)
	}
	return s.plain(w, i), true
}

func (s *scanner) line(w []byte, i int) (end int) {
	end = len(w)
	if n := bytes.IndexByte(w[i:], s.terminator); n >= 0 {
		end = i + n
	}
	s.text = append(s.text, bytes.TrimSuffix(w[i:end], []byte{'\r'})...)
	return end
}

func (s *scanner) plain(w []byte, i int) (end int) {
	end = i
	for end < len(w) && w[end] != s.delimiter && w[end] != s.terminator {
		end++
	}
	value := w[i:end]
	if end == len(w) || w[end] == s.terminator {
		value = bytes.TrimSuffix(value, []byte{'\r'})
	}
	s.text = append(s.text, value...)
	return end
}

// quoted scans a cell whose opening mark stands before w[i].
func (s *scanner) quoted(w []byte, i int) (end int, ok bool) {
	from, stray, newline := i, false, false
	for {
		q := bytes.IndexByte(w[i:], '"')
		if q < 0 {
			return 0, false
		}
		q += i
		newline = newline || bytes.IndexByte(w[i:q], s.terminator) >= 0
		if stray && newline {
			return 0, false
		}
		switch end, closed := s.closes(w, q+1); {
		case q+1 < len(w) && w[q+1] == '"':
			s.text = append(s.text, w[from:q+1]...)
			i, from = q+2, q+2
		case closed:
			s.text = append(s.text, w[from:q]...)
			return end, true
		case newline:
			return 0, false
		default:
			stray = true
			i = q + 1
		}
	}
}

// closes reports whether a cell ends at w[i], after its closing mark, and where.
func (s *scanner) closes(w []byte, i int) (end int, closed bool) {
	i = skipSpaces(w, i)
	if i < len(w) && w[i] == '\r' && s.terminator == '\n' {
		i++
	}
	return i, i == len(w) || w[i] == s.delimiter || w[i] == s.terminator
}

func (s *scanner) afterTerminator(w []byte, i int) int {
	switch {
	case i == len(w):
		return i
	case s.terminator == '\r' && i+1 < len(w) && w[i+1] == '\n':
		return i + 2
	}
	return i + 1
}

func skipSpaces(w []byte, i int) int {
	for i < len(w) && w[i] == ' ' {
		i++
	}
	return i
}
