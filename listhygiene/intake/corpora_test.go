package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/listhygiene/corpustest"
)

// readAll reads a whole file as an import would and returns heading, rows and
// refused rows.
func readAll(t *testing.T, data []byte) (Sample, []Record, error) {
	t.Helper()
	s, err := Sniff(data[:min(len(data), SampleSize)])
	if err != nil {
		return s, nil, err
	}
	r := NewReader(bytes.NewReader(data), s.Format)
	var records []Record
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return s, records, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		rec.Cells = append([]string(nil), rec.Cells...)
		records = append(records, rec)
	}
}

func TestCorpusCSVSpectrum(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpustest.Path(t, "csv/spectrum/csvs"), "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(corpustest.Path(t, "csv/spectrum/json/"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if want[0] == '{' { // a single row
			want = []byte("[" + string(want) + "]")
		}
		var expected []map[string]string
		want = bytes.ReplaceAll(want, []byte(`\r\n`), []byte(`\n`))
		if err := json.Unmarshal(want, &expected); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "location_coordinates" { // the file has another number than its expectation
			expected[0]["Contact Phone Number"] = "2095257564"
		}
		s, records, err := readAll(t, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []map[string]string
		for _, rec := range records {
			row := map[string]string{}
			for i, cell := range rec.Cells {
				row[s.Headings[i]] = strings.ReplaceAll(cell, "\r\n", "\n")
			}
			got = append(got, row)
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		t.Logf("%-24s %d rows", name, len(records))
	}
}

func TestCorpusCSVKit(t *testing.T) {
	t.Parallel()
	refused := map[string]Code{"empty.csv": EmptyFile, "null_byte.csv": NULByte}
	files, err := filepath.Glob(filepath.Join(corpustest.Path(t, "csv/csvkit"), "*.[ct]sv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, records, err := readAll(t, data)
		var refusal *Refusal
		switch errors.As(err, &refusal); {
		case refusal != nil:
			t.Logf("%-34s refused: %v", name, err)
			if refusal.Code != refused[name] {
				t.Errorf("%s was refused: %v", name, err)
			}
			continue
		case refused[name] != "":
			t.Errorf("%s was not refused", name)
		}
		bad := 0
		for _, rec := range records {
			if rec.Problem != "" {
				bad++
				t.Logf("%-34s line %d: %s %q", name, rec.Line, rec.Problem, rec.Cells)
			}
		}
		t.Logf("%-34s %s %s %q heading %q: %d rows, %d bad", name, s.Format.Encoding, s.Format.Newline, s.Format.Delimiter, s.Headings, len(records), bad)
	}
}
