package intake

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/headwaymail/headway/listhygiene/address"
)

// SampleSize is how much of a file Sniff looks at, in bytes. It is large enough
// for headings with long notes below them, small enough to keep in memory.
const SampleSize = 256 << 10

// previewRows is how many rows are shown to the user.
const previewRows = 20

// maxColumns bounds the width of a file: more than any program exports, and few
// enough to look at each.
const maxColumns = 4096

// scoredRows is how many records vote on the delimiter.
const scoredRows = 200

// Sample is the start of a file as it will be read.
type Sample struct {
	Format   Format
	Headings []string // empty without a header; as long as the widest row otherwise
	Rows     []Record // the first rows, at most 20
}

// Sniff guesses the format of a file from its first bytes: up to [SampleSize],
// or all of a shorter file. The error is always a [*Refusal].
func Sniff(head []byte) (Sample, error) { return SniffAs(head, "") }

// SniffAs is [Sniff] for a text whose encoding somebody named; "" is guessed. A
// byte order mark proves what the text is, whatever was said.
func SniffAs(head []byte, named Encoding) (Sample, error) {
	if isBinary(head) {
		return Sample{}, &Refusal{Code: NotText, Offset: 0}
	}
	f := sniffEncoding(head)
	if named != "" && f.Mark == 0 {
		f.Encoding, f.EncodingProposed = named, false
	}
	text, err := decodeSample(head, f)
	if err != nil {
		return Sample{}, err
	}
	f.Newline = sniffNewline(text)
	text, f.Delimiter, f.SkipLines = sniffPreamble(text, f.Newline)
	text = wholeLines(text, f.Newline, len(head) >= SampleSize)
	if f.Delimiter == 0 {
		f.Delimiter = sniffDelimiter(text, f)
	}
	records := sampleRecords(text, f, scoredRows)
	if title := titleLines(records); title > 0 {
		f.SkipLines += title
		f.Header = true
		return Preview(head, f)
	}
	f.Header = sniffHeader(records)
	if line := addressesAbreast(text, f); line > 0 {
		return Sample{}, &Refusal{Code: AddressesAbreast, Line: line + f.SkipLines, Offset: -1}
	}
	return Preview(head, f)
}

// Preview reads the start of a file with a given format, which is what the user
// sees after changing a guess. It finds the number of columns anew. The error
// is always a [*Refusal].
func Preview(head []byte, f Format) (Sample, error) {
	text, err := decodeSample(head, f)
	if err != nil {
		return Sample{}, err
	}
	rest := afterLines(text, f.Newline, f.SkipLines)
	records := sampleRecords(wholeLines(rest, f.Newline, len(head) >= SampleSize), f, scoredRows)
	for i := range records {
		records[i].Line += f.SkipLines
		records[i].Offset += int64(len(text) - len(rest))
		if f.Encoding == UTF8 {
			records[i].Offset += int64(f.Mark)
		}
	}
	if len(records) == 0 {
		return Sample{}, &Refusal{Code: EmptyFile, Offset: -1}
	}
	s := Sample{Rows: records}
	f.Columns, _ = usualWidth(records)
	if f.Header {
		f.Columns = max(f.Columns, len(records[0].Cells))
	}
	if f.Columns > maxColumns {
		return Sample{}, &Refusal{Code: TooManyColumns, Line: records[0].Line, Offset: -1}
	}
	if f.Header {
		s.Headings = make([]string, f.Columns)
		copy(s.Headings, records[0].Cells)
		s.Rows = records[1:]
	}
	s.Rows = s.Rows[:min(len(s.Rows), previewRows)]
	s.Format = f
	return s, nil
}

// magic are the first bytes of files that people upload by mistake.
var magic = []string{"PK\x03\x04", "\x1f\x8b", "\xd0\xcf\x11\xe0", "%PDF", "\x89PNG", "\xff\xd8\xff"}

func isBinary(head []byte) bool {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return false
}

// sniffNewline chooses CR only where lone carriage returns are the rule.
func sniffNewline(text []byte) Newline {
	lf := bytes.Count(text, []byte{'\n'})
	lone := bytes.Count(text, []byte{'\r'}) - bytes.Count(text, []byte("\r\n"))
	if lone > lf {
		return CR
	}
	return LF
}

// sniffPreamble reads the "sep=;" with which Excel is told the delimiter.
func sniffPreamble(text []byte, nl Newline) (rest []byte, delimiter byte, skip int) {
	line, rest, _ := bytes.Cut(text, []byte{nl.terminator()})
	line = bytes.TrimRight(line, "\r")
	if len(line) == len("sep=;") && strings.EqualFold(string(line[:4]), "sep=") && bytes.IndexByte(delimiters, line[4]) >= 0 {
		return rest, line[4], 1
	}
	return text, 0, 0
}

// wholeLines drops the last line of a sample that was cut in its middle.
func wholeLines(text []byte, nl Newline, cut bool) []byte {
	if last := bytes.LastIndexByte(text, nl.terminator()); cut && last > 0 {
		return text[:last+1]
	}
	return text
}

func afterLines(text []byte, nl Newline, n int) []byte {
	for range n {
		_, text, _ = bytes.Cut(text, []byte{nl.terminator()})
	}
	return text
}

// sniffDelimiter chooses the delimiter on whose number of cells most records
// agree, reading quoted cells as such; one with which the first record agrees
// comes before any other, since a heading holds no decimal commas. When not even
// half of the records agree on more than one cell, each line is one value.
func sniffDelimiter(text []byte, f Format) byte {
	var best vote
	var chosen byte
	for _, d := range delimiters {
		f.Delimiter = d
		records := sampleRecords(text, f, scoredRows)
		width, share := usualWidth(records)
		if width < 2 || share < 0.5 {
			continue
		}
		if v := (vote{len(records[0].Cells) == width, share, width}); v.beats(best) {
			best, chosen = v, d
		}
	}
	return chosen
}

// vote is how well a delimiter fits a sample.
type vote struct {
	first bool    // the first record has the usual width
	share float64 // of the records that have it
	width int
}

func (v vote) beats(w vote) bool {
	switch {
	case v.first != w.first:
		return v.first
	case v.share != w.share:
		return v.share > w.share
	}
	return v.width > w.width
}

// usualWidth returns the most frequent number of cells, the larger on a tie, and
// the share of records that have it.
func usualWidth(records []Record) (width int, share float64) {
	counts := map[int]int{}
	most := 0
	for _, rec := range records {
		if rec.Problem == "" {
			counts[len(rec.Cells)]++
		}
	}
	for w, n := range counts {
		if n > most || n == most && w > width {
			width, most = w, n
		}
	}
	if len(records) == 0 {
		return 0, 0
	}
	return width, float64(most) / float64(len(records))
}

// sniffHeader reports whether the first record names the columns. A cell with an
// @ is data even when it is no good address, and so is a record of numbers only.
func sniffHeader(records []Record) bool {
	if len(records) == 0 {
		return false
	}
	named := false
	for _, cell := range records[0].Cells {
		if strings.ContainsAny(cell, "@＠") {
			return false
		}
		named = named || strings.ContainsFunc(cell, unicode.IsLetter)
	}
	return named
}

// maxTitle bounds the records above a heading that are taken for its title.
const maxTitle = 10

// titleLines returns how many lines stand above the heading: reports begin with
// their name and a date, alone in their lines. It is 0 unless a heading that names
// a column of addresses follows.
func titleLines(records []Record) int {
	for i, rec := range records[:min(len(records), maxTitle+1)] {
		if namesAddresses(rec) {
			if i == 0 {
				return 0
			}
			return rec.Line - 1
		}
		filled := 0
		for _, cell := range rec.Cells {
			if strings.TrimSpace(cell) != "" {
				filled++
			}
			if strings.ContainsAny(cell, "@＠") {
				return 0
			}
		}
		if filled > 1 || rec.Problem != "" {
			return 0
		}
	}
	return 0
}

// namesAddresses reports whether a cell of a record is a usual heading of addresses.
func namesAddresses(rec Record) bool {
	for _, cell := range rec.Cells {
		if role, _ := (exporter{}).column(headingKey(cell)); role == RoleEmail {
			return true
		}
	}
	return false
}

// addressesAbreast returns the first line where each record without a heading is a
// line of addresses, as mail programs copy it out of a message; else 0.
func addressesAbreast(text []byte, f Format) int {
	if f.Header {
		return 0
	}
	for _, f.Delimiter = range []byte{',', ';'} {
		records := sampleRecords(text, f, scoredRows)
		if len(records) > 0 && !slices.ContainsFunc(records, func(rec Record) bool { return !abreast(rec) }) {
			return records[0].Line
		}
	}
	return 0
}

// abreast reports whether a record is two addresses or more, and nothing else.
func abreast(rec Record) bool {
	n := 0
	for _, cell := range rec.Cells {
		if strings.TrimSpace(cell) == "" {
			continue
		}
		if !isAddress(cell) {
			return false
		}
		n++
	}
	return n > 1
}

func isAddress(cell string) bool {
	_, err := address.Policy{AllowReserved: true}.Parse(address.Tidy(cell).Text)
	return err == nil
}

// sampleRecords reads up to limit records of decoded text, each with its own cells.
func sampleRecords(text []byte, f Format, limit int) []Record {
	f.Encoding, f.Mark, f.Header, f.Columns, f.SkipLines = UTF8, 0, false, 0, 0
	r := NewReader(bytes.NewReader(text), f)
	var records []Record
	for len(records) < limit {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		rec.Cells = append([]string(nil), rec.Cells...)
		records = append(records, rec)
	}
	return records
}
