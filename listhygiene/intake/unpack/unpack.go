// Package unpack opens what a user uploads and shows the files of contacts in
// it as text.
//
//  1. [Open] looks at the first bytes, not at the name: plain text, gzip, a ZIP
//     of one or many files, or a workbook (.xlsx), each of whose visible sheets
//     is a file;
//  2. each [File] can be sniffed and opened as often as an import needs; plain
//     text can also be entered in its middle;
//  3. what unpacks to more than [Limits] allow is refused while it is read,
//     whatever its header claims.
//
// Names inside an archive are never used as paths. They are shown to the user,
// and those of Mailchimp's exports say which status their contacts have (see
// [intake.StatusOfFile]). Archives inside archives are refused. Nothing is
// written to disk, except that a large sheet is unpacked to a temporary file.
package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/headwaymail/headway/listhygiene/intake"
)

// Limits bound what an upload may unpack to. A zero field has its default.
type Limits struct {
	// Total is the number of bytes of all files of one upload together.
	// Defaults to 4 GB, some 40 million rows.
	Total int64
	// Ratio is how many bytes one byte of a compressed file may become, beyond
	// the first 16 MB. Lists compress by 3 to 20; a bomb by 1,000.
	// Defaults to 200.
	Ratio int64
	// Files is the number of files in an archive. Defaults to 100.
	Files int
	// Workbook is the size of an .xlsx file in bytes, which is read into memory.
	// Defaults to 48 MB, about a million rows.
	Workbook int64
}

// ratioFree is how much may be unpacked before the ratio counts: small files of
// few distinct bytes compress better than any bomb.
const ratioFree = 16 << 20

func (l Limits) withDefaults() Limits {
	if l.Total == 0 {
		l.Total = 4 << 30
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	if l.Files == 0 {
		l.Files = 100
	}
	if l.Workbook == 0 {
		l.Workbook = 48 << 20
	}
	return l
}

// File is one file of contacts in an upload.
type File struct {
	Name  string // as the user knows it: "export.csv", "list.xlsx: Sheet1"
	Sheet bool   // a sheet of a workbook: a line is a row of the sheet

	open func() (io.ReadCloser, error)
}

// Open returns the text of the file from its start. The reader of a plain file
// is an [io.Seeker]. Reading ends with a [*intake.Refusal] when the archive is
// damaged or unpacks to too much.
func (f File) Open() (io.ReadCloser, error) { return f.open() }

// Sniff guesses the format of the file, see [intake.Sniff].
func (f File) Sniff() (intake.Sample, error) { return f.SniffAs("") }

// SniffAs is Sniff for a text whose encoding somebody named, see
// [intake.SniffAs]. Sheets of workbooks are UTF-8 whatever was said.
func (f File) SniffAs(named intake.Encoding) (intake.Sample, error) {
	if f.Sheet {
		named = ""
	}
	r, err := f.Open()
	if err != nil {
		return intake.Sample{}, err
	}
	defer r.Close() //nolint:errcheck // only read
	head := make([]byte, intake.SampleSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return intake.Sample{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	s, err := intake.SniffAs(head[:n], named)
	if err == nil && f.Sheet && s.Format.Delimiter == 0 {
		s.Format.Delimiter = ',' // a sheet of one column, quoted where needed
		return intake.Preview(head[:n], s.Format)
	}
	return s, err
}

// Open lists the files of contacts in an upload of the given size. The name is
// only shown. Errors are [*intake.Refusal] unless reading r fails.
func Open(r io.ReaderAt, size int64, name string, limits Limits) ([]File, error) {
	limits = limits.withDefaults()
	head := make([]byte, 8)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return openGzip(r, size, name, limits), nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return openZip(r, size, name, limits)
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, refuse(intake.OldWorkbook)
	}
	plain := func() (io.ReadCloser, error) { return section{io.NewSectionReader(r, 0, size)}, nil }
	return []File{{Name: name, open: plain}}, nil
}

// section is a part of an open file, closed with the file itself.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

func refuse(code intake.Code) error { return &intake.Refusal{Code: code, Offset: -1} }

// damaged refuses an archive, with the cause in the same line.
func damaged(cause error) error {
	return fmt.Errorf("%w (%w)", refuse(intake.ArchiveDamaged), cause)
}

// withoutSuffix returns the name of what is inside a compressed file.
func withoutSuffix(name string) string {
	if ext := path.Ext(name); strings.EqualFold(ext, ".gz") {
		return name[:len(name)-len(ext)]
	}
	return name
}

// bounded reads a compressed file and ends with a refusal when it grows too
// large or turns out to be damaged.
type bounded struct {
	r      io.Reader
	closer io.Closer
	left   int64 // bytes that may still be unpacked
}

// bound limits what packed bytes may unpack to.
func bound(rc io.ReadCloser, packed int64, l Limits) *bounded {
	return &bounded{r: rc, closer: rc, left: min(l.Total, ratioFree+packed*l.Ratio)}
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, refuse(intake.UnpacksTooLarge)
	}
	var refusal *intake.Refusal
	if err != nil && err != io.EOF && !errors.As(err, &refusal) {
		err = damaged(err)
	}
	return n, err
}

// Trailing returns how many bytes behind the end of a compressed file were passed
// over, once all of it was read.
func (b *bounded) Trailing() int64 {
	if m, ok := b.closer.(*members); ok {
		return m.Trailing()
	}
	return 0
}

func (b *bounded) Close() error { return b.closer.Close() }
