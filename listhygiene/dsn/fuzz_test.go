package dsn_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/headwaymail/headway/listhygiene/dsn"
)

// Whatever comes, reading ends, stays within its bounds and says the same thing
// in every newline style.
func FuzzRead(f *testing.F) {
	for _, c := range mails {
		f.Add([]byte(c.mail))
	}
	f.Add([]byte(strings.Repeat("Content-Type: multipart/mixed; boundary=a\n\n--a\n", 30)))
	f.Add([]byte("Content-Type: multipart/report; boundary=\"\"\n\n--\n--\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := dsn.Read(raw)
		list := r.Judge(nil)
		if len(r.Recipients) > 50 || len(list) > len(r.Recipients) {
			t.Fatalf("%d recipients, %d judged", len(r.Recipients), len(list))
		}
		for _, j := range list {
			if j.Meaning.Bounce == "" || j.Meaning.Rule == "" {
				t.Fatalf("no meaning: %+v", j)
			}
		}
		text := string(raw)
		if utf8.ValidString(text) && !strings.ContainsAny(text, "\r\x00") && len(text) < 8<<10 {
			again := dsn.Read([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
			if again.Kind != r.Kind || len(again.Recipients) != len(r.Recipients) {
				t.Fatalf("%s with %d recipients, with CRLF %s with %d", r.Kind, len(r.Recipients), again.Kind, len(again.Recipients))
			}
		}
	})
}
