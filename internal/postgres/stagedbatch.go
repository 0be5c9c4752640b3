package postgres

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
)

// StagedBatch gathers rows until they are stored together, with where reading
// stands behind them. [StagedBatch.Reset] makes it empty, to be used again.
type StagedBatch struct {
	Next       Place // the row after the batch
	NextOffset int64 // its byte in its file
	ReadBytes  int64 // of the upload
	Rows       int64 // rows that were read, refused ones among them
	Mended     int64 // of Rows: bytes that are no UTF-8 were read as Windows-1252
	Trailing   int64 // bytes behind the end of a compressed file
	Invalid    map[string]int64
	Risky      map[string]int64
	Typos      []ImportTypo
	Rejects    []RejectedRow
	// Domains are those of contacts to be made, as far as no batch before it
	// named them.
	Domains []string

	copied []byte // rows in the binary format of COPY
	staged []stagedMark
}

// stagedMark is where a row lies among the copied ones.
type stagedMark struct{ start, end int }

// copyHead and copyTail stand around rows in the binary format of COPY
// (Postgres documentation, "COPY", "Binary Format").
const (
	copyHead = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTail = "\xff\xff"
	// jsonbVersion stands before the text of a jsonb value.
	jsonbVersion = 1
)

// Reset empties the batch and keeps its memory.
func (b *StagedBatch) Reset() {
	clear(b.Rejects) // lets go of their cells
	*b = StagedBatch{Rejects: b.Rejects[:0], copied: b.copied[:0], Domains: b.Domains[:0], staged: b.staged[:0]}
}

// Size returns the number of rows in the batch, refused ones among them.
func (b *StagedBatch) Size() int { return len(b.staged) + len(b.Rejects) }

// Add adds a valid row.
func (b *StagedBatch) Add(r StagedRow) {
	start := len(b.copied)
	c := binary.BigEndian.AppendUint16(b.copied, 8)
	c = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(c, 8), uint64(r.Place))
	c = appendText(c, r.AddressKey)
	c = appendTextUnless(c, r.Address, r.AddressKey)
	c = appendTextUnless(c, r.CanonicalKey, r.AddressKey)
	c = appendText(c, r.Domain)
	c = appendJSON(c, r.Fields)
	c = appendText(c, r.Status)
	b.copied = appendJSON(c, r.Consent)
	b.staged = append(b.staged, stagedMark{start, len(b.copied)})
}

// keys returns the exact and the canonical key of a row: its second and its
// fourth value, of which the latter is null when it is the same.
func (b *StagedBatch) keys(m stagedMark) (key, canonical []byte) {
	row := b.copied[m.start+2:]
	_, row = cutValue(row) // the line
	key, row = cutValue(row)
	_, row = cutValue(row) // the address
	if canonical, _ = cutValue(row); canonical == nil {
		canonical = key
	}
	return key, canonical
}

// cutValue splits the first value off a row, nil for null.
func cutValue(row []byte) (value, rest []byte) {
	n := int32(binary.BigEndian.Uint32(row))
	if row = row[4:]; n < 0 {
		return nil, row
	}
	return row[:n], row[n:]
}

// Sort brings the rows into the order of their addresses. They are merged in that
// order: what is merged at one time then lies together, batch by batch.
func (b *StagedBatch) Sort() {
	slices.SortFunc(b.staged, func(x, y stagedMark) int {
		first, _ := b.keys(x)
		second, _ := b.keys(y)
		return bytes.Compare(first, second)
	})
}

// appendNull appends SQL null.
func appendNull(c []byte) []byte { return append(c, 0xff, 0xff, 0xff, 0xff) }

func appendText(c []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(c, uint32(len(text))), text...)
}

func appendTextUnless(c []byte, text, same string) []byte {
	if text == same {
		return appendNull(c)
	}
	return appendText(c, text)
}

func appendJSON(c, text []byte) []byte {
	if text == nil {
		return appendNull(c)
	}
	c = binary.BigEndian.AppendUint32(c, uint32(len(text)+1))
	return append(append(c, jsonbVersion), text...)
}

// leaveOut takes out the rows that gone names and returns how many these were.
func (b *StagedBatch) leaveOut(gone func(key, canonical string) bool) int64 {
	before := len(b.staged)
	b.staged = slices.DeleteFunc(b.staged, func(m stagedMark) bool {
		key, canonical := b.keys(m)
		return gone(string(key), string(canonical))
	})
	return int64(before - len(b.staged))
}

// copy returns the rows in the binary format of COPY.
func (b *StagedBatch) copy() io.Reader {
	return io.MultiReader(strings.NewReader(copyHead), &stagedRows{batch: b}, strings.NewReader(copyTail))
}

// stagedRows reads the rows of a batch one after the other.
type stagedRows struct {
	batch *StagedBatch
	row   int // that is read next
	from  int // its first byte that was not read yet
}

// Read reads as much as fits, as [io.Reader] says.
func (r *stagedRows) Read(p []byte) (n int, err error) {
	for n < len(p) && r.row < len(r.batch.staged) {
		m := r.batch.staged[r.row]
		took := copy(p[n:], r.batch.copied[m.start+r.from:m.end])
		n += took
		if r.from += took; m.start+r.from == m.end {
			r.row, r.from = r.row+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
