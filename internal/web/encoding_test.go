package web

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/headwaymail/headway/internal/jobs"
)

// A guess of the encoding is said to be one, and can be put right before
// anything is read by it.
func TestImportEncodingIsChosen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, err := charmap.Windows1250.NewEncoder().String("email;név\nana@example.org;Erdős Gergő\nbea@example.org;Szűcs Tünde\n")
	if err != nil {
		t.Fatal(err)
	}
	body, kind := fileForm(t, text, "step", "columns")
	if a := b.post("/imports", body, "Content-Type", kind); a.Header.Get("Location") != "/imports/1" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/imports/1/columns"), "a guess", "Erdõs Gergõ", `<select id="encoding"`)
	if a := b.post("/imports/1/encoding", "encoding=klingon"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "is not known") {
		t.Errorf("an encoding that nobody knows: %s", a.Status)
	}
	if a := b.post("/imports/1/encoding", "encoding=windows-1250"); a.Header.Get("Location") != "/imports/1/columns" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	page := b.get("/imports/1/columns")
	b.contains(page, "Erdős Gergő", "Windows-1250 (Central European), cells", `value="windows-1250" selected`)
	if a := b.post("/imports/1/columns", "role-0-0=email&role-0-1=field&field-0-1=name&list=Fair&status=subscribe"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	bulk := &jobs.Bulk{Store: b.store}
	if err := bulk.Import(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.contains(b.get("/imports/1"), "was read as Windows-1250")
	b.post("/imports/1/confirm", "")
	if err := bulk.Import(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`select count(*) from contacts where fields = '{"name": "Erdős Gergő"}'`); n != 1 {
		t.Errorf("%d contacts have the name as it was written", n)
	}
}
