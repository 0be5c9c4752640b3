package unpack

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/headwaymail/headway/listhygiene/corpustest"
	"github.com/headwaymail/headway/listhygiene/intake"
)

const list = "email,name\nanna@example.org,Anna\nberta@example.org,Berta\n"

func gzipped(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, namesAndContents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(namesAndContents); i += 2 {
		f, err := w.Create(namesAndContents[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, namesAndContents[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func workbook(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	for i, row := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := book.NewSheet("hidden"); err != nil {
		t.Fatal(err)
	}
	if err := book.SetSheetVisible("hidden", false); err != nil {
		t.Fatal(err)
	}
	b, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, upload []byte, name string, l Limits) ([]File, error) {
	t.Helper()
	return Open(bytes.NewReader(upload), int64(len(upload)), name, l)
}

func read(t testing.TB, f File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		upload []byte
		want   map[string]string
	}{
		{"list.csv", []byte(list), map[string]string{"list.csv": list}},
		{"empty.csv", nil, map[string]string{"empty.csv": ""}},
		{"list.csv.GZ", gzipped(t, list), map[string]string{"list.csv": list}},
		{"padded.gz", append(gzipped(t, list), make([]byte, 3000)...), map[string]string{"padded": list}},
		{"appended.gz", append(gzipped(t, list), "\r\n--boundary--\r\n"...), map[string]string{"appended": list}},
		{"two members.gz", append(gzipped(t, list), gzipped(t, "carla@example.org,Carla\n")...), map[string]string{"two members": list + "carla@example.org,Carla\n"}},
		{"audience.zip", zipped(t,
			"a/subscribed_email_audience_export_1.csv", list, "a/cleaned_email_audience_export_1.csv", "x", "a/", "",
			"__MACOSX/a/._x.csv", "y", "a/.DS_Store", "z",
		), map[string]string{"a/subscribed_email_audience_export_1.csv": list, "a/cleaned_email_audience_export_1.csv": "x"}},
		{"../../etc/evil.zip", zipped(t, "../../../etc/passwd", list), map[string]string{"../../../etc/passwd": list}},
		{"book.xlsx", workbook(t, []any{"email", "name"}, nil, []any{"anna@example.org", "An,\nna"}, []any{"b@example.org", 12.5}),
			map[string]string{"book.xlsx: Sheet1": "email,name\n\nanna@example.org,\"An, na\"\nb@example.org,12.5\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files, err := open(t, tt.upload, tt.name, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range files {
				got[f.Name] = read(t, f)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	bomb := strings.Repeat("x\n", 12<<20)
	damaged := gzipped(t, list)
	damaged[len(damaged)-6] ^= 1 // in the checksum
	locked := zipped(t, "list.csv", list)
	// The flags of the only entry, in its local header and in the directory.
	locked[6] |= 1
	locked[bytes.Index(locked, []byte("PK\x01\x02"))+8] |= 1
	tests := []struct {
		name   string
		upload []byte
		limits Limits
		want   intake.Code
	}{
		{"damaged gzip", damaged, Limits{}, intake.ArchiveDamaged},
		{"cut gzip", gzipped(t, list)[:20], Limits{}, intake.ArchiveDamaged},
		{"damaged zip", zipped(t, "list.csv", list)[:40], Limits{}, intake.ArchiveDamaged},
		{"locked zip", locked, Limits{}, intake.ArchiveLocked},
		{"empty zip", zipped(t), Limits{}, intake.EmptyFile},
		{"many files", zipped(t, "a", list, "b", list, "c", list), Limits{Files: 2}, intake.TooManyFiles},
		{"large in total", zipped(t, "a", list, "b", list), Limits{Total: 70}, intake.UnpacksTooLarge},
		{"gzip bomb", gzipped(t, bomb), Limits{}, intake.UnpacksTooLarge},
		{"zip bomb", zipped(t, "a", bomb), Limits{}, intake.UnpacksTooLarge},
		{"large gzip", gzipped(t, list), Limits{Total: 20}, intake.UnpacksTooLarge},
		{"archive in an archive", gzipped(t, string(zipped(t, "a", list))), Limits{}, intake.NotText},
		{"large workbook", workbook(t, []any{"email"}), Limits{Workbook: 100}, intake.WorkbookTooLarge},
		{"damaged workbook", zipped(t, "xl/workbook.xml", "<"), Limits{}, intake.ArchiveDamaged},
		{"old workbook", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Limits{}, intake.OldWorkbook},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := readAll(open(t, tt.upload, "upload", tt.limits))
			var refusal *intake.Refusal
			if !errors.As(err, &refusal) || refusal.Code != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: it is shown in one line", err)
			}
		})
	}
}

// readAll reads every file as an import does and returns the first error.
func readAll(files []File, err error) error {
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := f.Sniff(); err != nil {
			return err
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestPlainFilesCanBeEnteredInTheMiddle(t *testing.T) {
	t.Parallel()
	files, err := open(t, []byte(list), "list.csv", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := files[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.(io.Seeker); !ok {
		t.Error("cannot seek in a plain file")
	}
}

// A time in a workbook is read as one that means the same everywhere: it may be
// when somebody agreed.
func TestTimesOfAWorkbook(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 3, 5, 14, 30, 0, 0, time.UTC)
	files, err := open(t, workbook(t, []any{"email", "optin_time"}, []any{"a@example.org", at}), "book.xlsx", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, files[0]), "email,optin_time\na@example.org,2024-03-05 14:30\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSheetOfOneColumn(t *testing.T) {
	t.Parallel()
	files, err := open(t, workbook(t, []any{"E-mail"}, []any{`"Maier, A" <a@example.org>`}, []any{"b@example.org"}), "book.xlsx", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := files[0].Sniff()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Rows) != 2 || s.Rows[0].Cells[0] != `"Maier, A" <a@example.org>` {
		t.Errorf("%+v", s)
	}
}

func TestCorpusCompressedAndWorkbooks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dummy.csv.gz", "test.xlsx", "sheets.xlsx"} {
		data, err := os.ReadFile(corpustest.Path(t, "csv/csvkit/"+name))
		if err != nil {
			t.Fatal(err)
		}
		files, err := open(t, data, name, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range files {
			s, err := f.Sniff()
			var refusal *intake.Refusal
			if errors.As(err, &refusal) && refusal.Code == intake.EmptyFile {
				t.Logf("%-24s %v", f.Name, err)
				continue
			} else if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			t.Logf("%-24s heading %q, %d rows", f.Name, s.Headings, len(s.Rows))
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(gzipped(f, list))
	f.Add(zipped(f, "a.csv", list))
	f.Add(workbook(f, []any{"email"}, []any{"a@example.org"}))
	f.Fuzz(func(t *testing.T, upload []byte) {
		err := readAll(open(t, upload, "upload", Limits{Total: 1 << 20}))
		var refusal *intake.Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("neither read nor refused: %v", err)
		}
	})
}
