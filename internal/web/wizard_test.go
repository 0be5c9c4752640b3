package web

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/headwaymail/headway/internal/jobs"
)

// The wizard asks before it reads: columns, list, consent; then it shows what
// would happen, and only then imports.
func TestImportWizard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	work := func() {
		t.Helper()
		if err := (&jobs.Bulk{Store: b.store}).Import(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	b.post("/suppressions", "what=gone@example.org")
	body, kind := fileForm(t, "Mail;Vorname;Notiz\nana@example.org;Ana;x\ngone@example.org;Gus;x\nana@example.org;Ana;y\nbroken;B;z\ninfo@example.org;;\n",
		"step", "columns")
	if a := b.post("/imports", body, "Content-Type", kind); a.Header.Get("Location") != "/imports/1" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if a := b.do("GET", b.site.URL+"/imports/1", ""); a.Header.Get("Location") != "/imports/1/columns" {
		t.Fatalf("%s to %q", a.Status, a.Header.Get("Location"))
	}
	work() // a draft is nobody's work
	b.contains(b.get("/imports/1/columns"), "UTF-8, cells between semicolons, the first row names the columns", "ana@example.org · gone@example.org",
		`<option value="email" selected>`)
	form := url.Values{"role-0-0": {"email"}, "role-0-1": {"field"}, "field-0-1": {"first_name"}, "role-0-2": {"ignore"},
		"list": {"Fair"}, "consent": {"asked at the fair"}, "status": {"subscribe"}, "known": {"fill"}}
	twice := url.Values{"role-0-0": {"email"}, "role-0-1": {"email"}, "list": {"Fair"}}
	if a := b.post("/imports/1/columns", twice.Encode()); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("two columns of addresses: %s", a.Status)
	}
	if a := b.post("/imports/1/columns", form.Encode()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	work()
	b.contains(b.get("/imports/1"), "Checked, nothing imported", "Again further down in the file", "also in line 2", "suppressed by hand",
		"Shared addresses", "Line 5: broken", "asked at the fair")
	b.contains(b.get("/imports/1/columns"), `value="asked at the fair"`) // it can be changed still
	for range 2 {                                                        // somebody presses twice
		if a := b.post("/imports/1/confirm", ""); a.Header.Get("Location") != "/imports/1" {
			t.Errorf("%s to %q", a.Status, a.Header.Get("Location"))
		}
	}
	work()
	b.contains(b.get("/imports/1"), "Done", "3 contacts joined")
	if n := b.number(`select count(*) from contacts where fields = '{"first_name": "Ana"}'`); n != 1 {
		t.Errorf("%d contacts have the field", n)
	}
	if a := b.do("GET", b.site.URL+"/imports/1/columns", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("the columns of an import that is done: %s", a.Status)
	}
}
