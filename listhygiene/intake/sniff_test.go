package intake

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	utf16 := func(e unicode.Endianness, mark unicode.BOMPolicy, s string) string {
		b, err := unicode.UTF16(e, mark).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	latin, err := charmap.Windows1252.NewEncoder().String("email;name\nanna@example.org;Müller – „x“\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file string
		want       Format
		headings   []string
	}{
		{"comma", "email,name\na@example.org,Anna\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"semicolon with decimal commas", "email;sum;x\na@example.org;1,7;2,3\nb@example.org;2,5;1,1\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', Header: true, Columns: 3}, []string{"email", "sum", "x"}},
		{"tab", "email\tname\na@example.org\tMaier, A\n", Format{Encoding: UTF8, Newline: LF, Delimiter: '\t', Header: true, Columns: 2}, []string{"email", "name"}},
		{"bar", "email|name\na@example.org|A\n", Format{Encoding: UTF8, Newline: LF, Delimiter: '|', Header: true, Columns: 2}, []string{"email", "name"}},
		{"decimal commas in ragged rows", "email;sum;x\na@example.org;1,7;2,3\nb@example.org;2,5;1,1\nc@example.org;2,5\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', Header: true, Columns: 3}, []string{"email", "sum", "x"}},
		{"commas only inside quotes", "email;note\na@example.org;\"a,b,c\"\nb@example.org;\"d,e,f\"\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', Header: true, Columns: 2}, []string{"email", "note"}},
		{"one address a line", "a@example.org\nb@example.org\n", Format{Encoding: UTF8, Newline: LF}, nil},
		{"one address a line under a heading", "E-Mail\na@example.org\n", Format{Encoding: UTF8, Newline: LF, Header: true, Columns: 1}, []string{"E-Mail"}},
		{"no heading", "a@example.org,Anna\nb@example.org,Berta\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Columns: 2}, nil},
		{"no heading and a bad first address", "a@,Anna\nb@example.org,Berta\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Columns: 2}, nil},
		{"UTF-8 mark", "\xef\xbb\xbfemail,name\na@example.org,A\n", Format{Encoding: UTF8, Mark: 3, Newline: LF, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"UTF-16 little endian", utf16(unicode.LittleEndian, unicode.UseBOM, "email,name\na@example.org,é\n"), Format{Encoding: UTF16LE, Mark: 2, Newline: LF, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"UTF-16 big endian without mark", utf16(unicode.BigEndian, unicode.IgnoreBOM, "email,name\r\na@example.org,é\r\n"), Format{Encoding: UTF16BE, EncodingProposed: true, Newline: LF, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"Windows-1252", latin, Format{Encoding: Windows1252, Newline: LF, Delimiter: ';', Header: true, Columns: 2}, []string{"email", "name"}},
		{"UTF-8 with one damaged row", "email,name\na@example.org,ÄÖÜß\nb@example.org,\xe9\n", Format{Encoding: UTF8, EncodingProposed: true, Newline: LF, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"CR only", "email,name\ra@example.org,A\r", Format{Encoding: UTF8, Newline: CR, Delimiter: ',', Header: true, Columns: 2}, []string{"email", "name"}},
		{"Excel's separator line", "sep=;\r\nemail;name\r\na@example.org;A\r\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', SkipLines: 1, Header: true, Columns: 2}, []string{"email", "name"}},
		{"title and a blank line above the heading", "Export 2026-10-01,,\n\nEmail,First name,City\na@example.org,A,B\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', SkipLines: 2, Header: true, Columns: 3}, []string{"Email", "First name", "City"}},
		{"title of one cell", "Our readers\nE-Mail;Name\na@example.org;A\nb@example.org;B\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', SkipLines: 1, Header: true, Columns: 2}, []string{"E-Mail", "Name"}},
		{"title under Excel's separator line", "sep=;\nReaders;\nemail;name\na@example.org;A\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ';', SkipLines: 2, Header: true, Columns: 2}, []string{"email", "name"}},
		{"a heading again further down", "a@example.org,A\nemail,name\nb@example.org,B\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Columns: 2}, nil},
		{"two addresses of each person", "name,mail,other\nA,a@example.org,b@example.org\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Header: true, Columns: 3}, []string{"name", "mail", "other"}},
		{"heading shorter than the rows", "email,name\na@example.org,A,x\nb@example.org,B,y\n", Format{Encoding: UTF8, Newline: LF, Delimiter: ',', Header: true, Columns: 3}, []string{"email", "name", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Sniff([]byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if tt.want.Columns == 0 {
				tt.want.Columns = 1
			}
			if diff := cmp.Diff(tt.want, s.Format); diff != "" {
				t.Errorf("format (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.headings, s.Headings); diff != "" {
				t.Errorf("headings (-want +got):\n%s", diff)
			}
			rows := lines(t, NewReader(strings.NewReader(tt.file), s.Format))
			if len(rows) == 0 || len(rows) != len(s.Rows) {
				t.Errorf("%d rows read, %d shown", len(rows), len(s.Rows))
			}
		})
	}
}

func TestSniffRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       Refusal
	}{
		{"empty", "", Refusal{Code: EmptyFile, Offset: -1}},
		{"blank", "\n \n\t\n", Refusal{Code: EmptyFile, Offset: -1}},
		{"NUL byte", "email\na@example.org\nb\x00@example.org\n", Refusal{Code: NULByte, Line: 3, Offset: 21}},
		{"thousands of columns", strings.Repeat("x,", maxColumns) + "\n", Refusal{Code: TooManyColumns, Line: 1, Offset: -1}},
		{"a ZIP", "PK\x03\x04....", Refusal{Code: NotText}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Sniff([]byte(tt.file))
			var got *Refusal
			if !errors.As(err, &got) || *got != tt.want {
				t.Errorf("Sniff: %+v, want %+v", err, tt.want)
			}
		})
	}
}

// The sample ends in the middle of a row of a larger file: the cut row must not
// be taken for a row of its own.
func TestSniffOfACutFile(t *testing.T) {
	t.Parallel()
	file := "email;note\n" + strings.Repeat("anna@example.org;\"a, b\"\n", SampleSize/20)
	s, err := Sniff([]byte(file[:SampleSize]))
	if err != nil {
		t.Fatal(err)
	}
	if s.Format.Delimiter != ';' || s.Format.Columns != 2 || len(s.Rows) != previewRows {
		t.Errorf("%+v with %d rows", s.Format, len(s.Rows))
	}
}

// What a mail program copies out of a message is no row of one person.
func TestSniffRefusesAddressesSideBySide(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"commas":            "Anna Berg <a@example.org>, Bert <b@example.org>, c@example.org\n",
		"semicolons":        "Anna Berg <a@example.org>; Dr. Bert <b@example.org>; c@example.org;\r\n",
		"addresses alone":   "a@example.org,b@example.org,c@example.org",
		"semicolons, twice": "a@example.org;b@example.org\nc@example.org;d@example.org;e@example.org\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Sniff([]byte(file))
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Code != AddressesAbreast || refusal.Line != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}
