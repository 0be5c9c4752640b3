package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var comma = Format{Encoding: UTF8, Newline: LF, Delimiter: ','}

// line is a record as tests compare it: "line: cells" or "line! problem".
func lines(t testing.TB, r *Reader) []string {
	t.Helper()
	var out []string
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Problem != "" {
			out = append(out, fmt.Sprintf("%d! %s", rec.Line, rec.Problem))
		} else {
			out = append(out, fmt.Sprintf("%d: %s", rec.Line, strings.Join(rec.Cells, "|")))
		}
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	cr, single, three := comma, comma, comma
	cr.Newline = CR
	single.Delimiter = 0
	three.Columns = 3
	tests := []struct {
		name, file string
		format     Format
		want       []string
	}{
		{"plain", "a,b\nc,d\n", comma, []string{"1: a|b", "2: c|d"}},
		{"no newline at the end", "a,b\nc,d", comma, []string{"1: a|b", "2: c|d"}},
		{"CR LF", "a,b\r\nc,d\r\n", comma, []string{"1: a|b", "2: c|d"}},
		{"CR only", "a,b\rc,\"d\re\"\rf,g", cr, []string{"1: a|b", "2: c|d\re", "4: f|g"}},
		{"empty cells", ",a,\n", comma, []string{"1: |a|"}},
		{"blank rows are passed over", "a,b\n\n  \n,,\nc,d\n", comma, []string{"1: a|b", "5: c|d"}},
		{"quoted delimiter", `a,"b,c"` + "\n", comma, []string{"1: a|b,c"}},
		{"doubled quotes", `"say ""hi""",b` + "\n", comma, []string{`1: say "hi"|b`}},
		{"quoted newlines", "a,\"b\r\nc\"\nd,e\n", comma, []string{"1: a|b\r\nc", "3: d|e"}},
		{"spaces around quotes", `a, "b,c" ,d` + "\n", comma, []string{"1: a|b,c|d"}},
		{"quote inside an unquoted cell", `a,5" pipe,b` + "\n", comma, []string{`1: a|5" pipe|b`}},
		{"single quotes within a quoted cell of one line", `"Bob "The Man" Smith",b@example.org` + "\n", comma, []string{`1: Bob "The Man" Smith|b@example.org`}},
		{"stray quote costs its own line", "a,b\nc,\"d\ne,f\ng,h\n", comma, []string{"1: a|b", "2! unclosed_quote", "3: e|f", "4: g|h"}},
		{"stray quote before quoted cells", "c,\"d\ne,\"f\"\ng,\"h\"\n", comma, []string{"1! unclosed_quote", "2: e|f", "3: g|h"}},
		{"stray quote in the last line", "a,b\nc,\"d", comma, []string{"1: a|b", "2! unclosed_quote"}},
		{"one value a line", "a@example.org\n\"Maier, A\" <b@example.org>\r\n", single, []string{"1: a@example.org", `2: "Maier, A" <b@example.org>`}},
		{"too many cells", "a,b,c\na,b,c,d\na,b,c,\na,b\n", three, []string{"1: a|b|c", "2! too_many_cells", "3: a|b|c|", "4: a|b"}},
		{"NUL byte", "a,b\na\x00,b\nc,d\n", comma, []string{"1: a|b", "2! nul_byte", "3: c|d"}},
		{"Latin 1 among UTF-8", "é,b\n\xe9\xe8,b\n", comma, []string{"1: é|b", "2: éè|b"}},
		{"empty", "", comma, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := lines(t, NewReader(strings.NewReader(tt.file), tt.format))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderBoundsRecords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxRecord/2)
	tests := []struct {
		name, file string
		want       []string
	}{
		{"long row fits", "a," + long + "\nb,c\n", []string{"1: a|" + long, "2: b|c"}},
		{"endless row", "a,b\n" + strings.Repeat(long, 9) + "\nb,c\n", []string{"1: a|b", "2! row_too_long", "3: b|c"}},
		{"endless last row", "a,b\n" + strings.Repeat(long, 9), []string{"1: a|b", "2! row_too_long"}},
		{"quote that is never closed", "\"a,b\n" + strings.Repeat(long+"\n", 6) + "b,c\n", []string{
			"1! unclosed_quote", "2: " + long, "3: " + long, "4: " + long, "5: " + long, "6: " + long, "7: " + long, "8: b|c",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := lines(t, NewReader(strings.NewReader(tt.file), comma))
			if !slices.Equal(got, tt.want) {
				t.Errorf("read %d records, want %d", len(got), len(tt.want))
			}
		})
	}
}

// Where a record ends must not depend on where reading began.
func TestReaderBoundsRecordsAlike(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("a,b\n", 100) + `"` + strings.Repeat("x\n", maxRecord*2/3) + "\"\nc,d\n"
	whole := NewReader(strings.NewReader(file), comma)
	for range 100 {
		if _, err := whole.Next(); err != nil {
			t.Fatal(err)
		}
	}
	resumed, err := Resume(strings.NewReader(file), comma, whole.Position())
	if err != nil {
		t.Fatal(err)
	}
	if want, got := lines(t, whole), lines(t, resumed); !slices.Equal(want, got) {
		t.Errorf("%d records to the end, %d after resuming", len(want), len(got))
	}
}

// A failing reader must not look like the end of the file, not even when it is
// asked again.
func TestReaderKeepsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("email\na@example.org\n"), iotest.ErrReader(broken)), Format{Encoding: UTF8, Newline: LF, Header: true})
	for range 3 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}

// A file of nothing but stray quotes must not make the reader search the same
// text again and again.
func TestReaderIsLinear(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"\"\n", "a,\"b\n", "\"a\"\"\n", "\"\"\"\n", "a,\"b\" c\n", "x\"\n"} {
		file := strings.Repeat(line, 1<<20/len(line))
		r := NewReader(strings.NewReader(file), comma)
		for records := 0; ; records++ {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What a spreadsheet writes is read as it was, whatever the cells hold.
func TestWrittenRowsReadBack(t *testing.T) {
	t.Parallel()
	cell := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+\-@"\n,; a]{0,8}`))
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 5).Draw(t, "width")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 1, 20).Draw(t, "rows")
		var file bytes.Buffer
		w := NewWriter(&file)
		var want [][]string
		for _, row := range rows {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			guarded := make([]string, width)
			for i := range row {
				guarded[i] = Guard(row[i])
			}
			if !isBlank(Record{Cells: guarded}) && !strings.Contains(strings.Join(row, ""), "\x00") {
				want = append(want, row)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r := NewReader(&file, comma)
		var got [][]string
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if rec.Problem == NULByte {
				continue
			}
			var row []string
			for _, cell := range rec.Cells {
				if isFormula(cell) {
					t.Fatalf("a spreadsheet would run %q", cell)
				}
				row = append(row, Unguard(cell))
			}
			got = append(got, row)
		}
		if diff := cmp.Diff(normalNewlines(want), normalNewlines(got)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// normalNewlines undoes what encoding/csv does to carriage returns when writing.
func normalNewlines(rows [][]string) [][]string {
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], "\r\n", "\n")
		}
	}
	return rows
}

// Reading on from any record gives exactly the records that were left.
func TestResume(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("([ab,\"\n\r;é]{0,12}\n){0,30}").Draw(t, "file")
		f := comma
		f.Header = rapid.Bool().Draw(t, "header")
		seekable := rapid.Bool().Draw(t, "seekable")
		if f.Header && rapid.Bool().Draw(t, "mark") {
			f.Mark = 3
			text = "\xef\xbb\xbf" + text
		}
		open := func() io.Reader {
			if seekable {
				return strings.NewReader(text)
			}
			return io.MultiReader(strings.NewReader(text))
		}
		stop := rapid.IntRange(0, 10).Draw(t, "records before the crash")
		first := NewReader(open(), f)
		for range stop {
			if _, err := first.Next(); err == io.EOF {
				break
			}
		}
		at := first.Position()
		var want, got []string
		collect := func(r *Reader) (out []string) {
			for {
				rec, err := r.Next()
				if err != nil {
					return out
				}
				out = append(out, fmt.Sprint(rec.Line, rec.Offset, rec.Problem, strings.Join(rec.Cells, "|")))
			}
		}
		want = collect(first)
		second, err := Resume(open(), f, at)
		if err != nil {
			t.Fatal(err)
		}
		got = collect(second)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("resumed at %+v (-want +got):\n%s", at, diff)
		}
	})
}

// One bad row is one bad row: a stray quotation mark anywhere costs its line only.
func TestOneBadRowIsOneBadRow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "rows")
		bad := rapid.IntRange(0, n-1).Draw(t, "bad")
		stray := rapid.SampledFrom([]string{`"x,y`, `x,"y`, `x,"y" z`, `"""`, `x," "y`}).Draw(t, "stray")
		var file strings.Builder
		var want []string
		for i := range n {
			if i == bad {
				file.WriteString(stray + "\n")
				continue
			}
			row := rapid.SampledFrom([]string{"a%d,b", `"a%d",b`, `"a%d","b"`}).Draw(t, "row")
			fmt.Fprintf(&file, row+"\n", i)
			want = append(want, fmt.Sprintf("a%d|b", i))
		}
		var got []string
		r := NewReader(strings.NewReader(file.String()), comma)
		for {
			rec, err := r.Next()
			if err != nil {
				break
			}
			if rec.Line != bad+1 {
				got = append(got, strings.Join(rec.Cells, "|"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("stray %q in line %d (-want +got):\n%s", stray, bad+1, diff)
		}
	})
}
