package intake

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	"email,name\na@example.org,\"x\"\"y\"\n", "\"a\nb\",c\n", "a;b\r\nc;\"d", "\xff\xfea\x00,\x00b\x00\n\x00",
	"a\rb\r\"c\rd\"\r", "sep=;\na;b\n", "\xef\xbb\xbfa@example.org\n", "a,b\x00c\n", "\xe9,b\n", "", "\n\n,,\n", "'=1,'+2\n",
}

// Whatever the file: no panic, every byte belongs to one record, lines and
// offsets only grow, and no cell is anything but text.
func FuzzReader(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), byte(','), false)
		f.Add([]byte(s), byte(0), true)
	}
	f.Fuzz(func(t *testing.T, file []byte, delimiter byte, cr bool) {
		format := Format{Encoding: UTF8, Newline: LF, Delimiter: delimiters[int(delimiter)%len(delimiters)]}
		if delimiter == 0 {
			format.Delimiter = 0
		}
		if cr {
			format.Newline = CR
		}
		r := NewReader(bytes.NewReader(file), format)
		for last := (Position{}); ; {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.Line <= last.Line || rec.Offset < last.Offset || len(rec.Cells) == 0 {
				t.Fatalf("record %+v after %+v", rec, last)
			}
			last = rec.Position
			for _, cell := range rec.Cells {
				if !utf8.ValidString(cell) {
					t.Fatalf("line %d: cell %q is no text", rec.Line, cell)
				}
			}
		}
		if end := r.Position(); end.Offset != int64(len(file)) {
			t.Fatalf("%d of %d bytes read", end.Offset, len(file))
		}
	})
}

// Whatever the file: the import ends, and every row is accepted or refused with
// a reason that has words.
func FuzzImport(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Sniff(file[:min(len(file), SampleSize)])
		if err != nil {
			if err.(*Refusal).Code.Hint() == "" {
				t.Fatalf("%v says nothing", err)
			}
			return
		}
		m, err := NewMapper(AutoMap(s), Options{})
		if err != nil {
			return
		}
		r := NewReader(bytes.NewReader(file), s.Format)
		var report Report
		for {
			rec, err := r.Next()
			if err != nil {
				break
			}
			row := m.Row(rec)
			report.Add(row)
			if (row.Problem == nil) == (row.Address.String() == "") {
				t.Fatalf("line %d: address %q and problem %v", row.Line, row.Address, row.Problem)
			}
			for _, field := range row.Fields {
				if field.Name == "" || field.Value == "" || strings.Contains(field.Value, "\x00") {
					t.Fatalf("line %d: field %+v", row.Line, field)
				}
			}
		}
		total := report.Accepted
		for _, tally := range report.Problems {
			total += tally.Count
		}
		if total != report.Rows {
			t.Fatalf("%d rows, %d accounted for", report.Rows, total)
		}
	})
}

func BenchmarkImport(b *testing.B) {
	var file bytes.Buffer
	file.WriteString("email,first_name,last_name,city,signup_date,score\n")
	for i := range 10000 {
		fmt.Fprintf(&file, "user%d@mail%d.example.org,First%d,\"Last, %d\",Springfield,2024-05-06,%d\n", i, i%500, i, i, i)
	}
	data := file.Bytes()
	s, err := Sniff(data[:SampleSize])
	if err != nil {
		b.Fatal(err)
	}
	m, err := NewMapper(AutoMap(s), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var report Report
		r := NewReader(bytes.NewReader(data), s.Format)
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			row := m.Row(rec)
			_ = row.Address.Canonical()
			report.Add(row)
		}
		if report.Accepted != 10000 {
			b.Fatalf("%+v", report)
		}
	}
}
