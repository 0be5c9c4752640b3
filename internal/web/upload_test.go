package web

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/jobs"
)

// fileForm makes a multipart form of fields and a file.
func fileForm(t *testing.T, file string, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	var err error
	for i := 0; i+1 < len(fields); i += 2 {
		err = errors.Join(err, w.WriteField(fields[i], fields[i+1]))
	}
	part, partErr := w.CreateFormFile("file", "people.csv")
	if err = errors.Join(err, partErr); err != nil {
		t.Fatal(err)
	}
	_, err = part.Write([]byte(file))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// A file goes through the pages: checked, carried out, undone.
func TestUploadCheckImportUndo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/imports/new"), `enctype="multipart/form-data"`)
	work := func() {
		bulk := &jobs.Bulk{Store: b.store}
		if err := bulk.Import(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	// More than other forms may bring.
	rows := strings.Repeat("someone@example.org\n", 5000)
	body, kind := fileForm(t, "email\nana@example.org\nbroken\n"+rows, "list", "News", "consent", "at the fair", "check", "yes")
	if a := b.post("/imports", body, "Content-Type", kind); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/imports/1" {
		t.Fatalf("%s to %s\n%s", a.Status, a.Header.Get("Location"), a.body)
	}
	b.contains(b.get("/imports/1"), "<progress")
	work()
	b.contains(b.get("/imports/1"), "Checked, nothing imported", "Import these contacts", "would join", "at the fair")
	if n := b.number(`select count(*) from contacts`); n != 0 {
		t.Errorf("the check made %d contacts", n)
	}
	b.post("/imports/1/confirm", "")
	work()
	b.contains(b.get("/imports/1"), "Done", "/imports/1/undo", "2 contacts joined")
	b.contains(b.get("/imports/1/undo"), "<b>2 contacts</b>")
	b.post("/imports/1/undo", "")
	work()
	b.contains(b.get("/imports/1"), "Undone", "2 contacts deleted")
	if n := b.number(`select count(*) from contacts`); n != 0 {
		t.Errorf("%d contacts are left", n)
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, fields := range map[string][]string{"holds no rows": {"list", "News"}, "needs the name of a list": {}} {
		body, kind := fileForm(t, "", fields...)
		a := b.post("/imports", body, "Content-Type", kind)
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, name) {
			t.Errorf("%s: %s\n%s", name, a.Status, a.body)
		}
	}
	if a := b.post("/imports", "list=News"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an ordinary form: %s", a.Status)
	}
}

// Addresses can be pasted in place of a file, however they are separated.
func TestPaste(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := func(text string) (body, kind string) {
		var buffer bytes.Buffer
		w := multipart.NewWriter(&buffer)
		part, err := w.CreateFormFile("file", "") // as browsers send what was not chosen
		err = errors.Join(err, w.WriteField("pasted", text), w.Close())
		if err != nil || part == nil {
			t.Fatal(err)
		}
		return buffer.String(), w.FormDataContentType()
	}
	for text, want := range map[string]string{
		"  ":                                  "",
		"ann@a.test, <bob@a.test>;cem@a.test": "ann@a.test\nbob@a.test\ncem@a.test\n",
		"email,city\r\nann@a.test,Oslo":       "email,city\r\nann@a.test,Oslo\n",
		`"Weaver, Ann" <ann@a.test>`:          `"Weaver, Ann" <ann@a.test>` + "\n",
	} {
		if _, got, err := readPasted(strings.NewReader(text), time.Now()); got != want || err != nil {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	if _, _, err := readPasted(strings.NewReader(strings.Repeat("x", pastedLimit+1)), time.Now()); !errors.Is(err, errPasted) {
		t.Errorf("too much: %v", err)
	}
	body, kind := form("")
	if a := b.post("/imports", body, "Content-Type", kind); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "paste some addresses") {
		t.Errorf("nothing: %s", a.Status)
	}
	b.contains(b.get("/imports/new"), "Or paste addresses")
	body, kind = form("ann@example.org; bob@example.org")
	body = strings.Replace(body, "Content-Disposition: form-data; name=\"file\"", "Content-Disposition: form-data; name=\"step\"\r\n\r\ncolumns\r\n"+
		strings.SplitN(body, "\r\n", 2)[0]+"\r\nContent-Disposition: form-data; name=\"file\"", 1)
	a := b.post("/imports", body, "Content-Type", kind)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get(a.Header.Get("Location")+"/columns"), "Pasted ", "ann@example.org", "bob@example.org")
}
