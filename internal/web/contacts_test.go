package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A person is found, left out, taken in again and forgotten.
func TestContactPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	b.exec(`update contacts set fields = '{"first_name": "<b>Ann</b>"}' where id = 1`)
	address := "reader1@d1-2.test"
	if a := b.do("GET", b.site.URL+"/contacts?q="+address, ""); a.Header.Get("Location") != "/contacts/1" {
		t.Fatalf("%s to %q", a.Status, a.Header.Get("Location"))
	}
	b.contains(b.get("/contacts?q=READER1"), `href="/contacts/10"`, address)
	b.contains(b.get("/contacts?q=nobody@example.test"), "No contact has an address that is")
	b.contains(b.get("/contacts/1"), "Active", "Northmail", "&lt;b&gt;Ann", "Weekly news", "Autumn letter", "No consent is on record")
	b.contains(b.get("/contacts/1/export.json"), `"address": "`+address+`"`)

	if a := b.post("/contacts/1/suppress", "note="); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("suppressed without a word why: %s", a.Status)
	}
	b.contains(b.get("/contacts?q=reader1@"), `data-label="Status">Active<`)
	b.post("/contacts/1/suppress", "note=rang+us")
	b.contains(b.get("/contacts/1"), "Suppressed", "rang us", "/contacts/1/lift")
	b.contains(b.get("/contacts?q=reader1@"), `data-label="Status">Suppressed<`)
	b.contains(b.get("/suppressions?q=reader1"), address, "rang us")
	b.post("/contacts/1/lift", "note=rang+again")
	b.contains(b.get("/contacts/1"), "rang again", "Suppression lifted")
	b.post("/contacts/1/unsubscribe", "note=a+letter")
	b.contains(b.get("/contacts/1"), "Unsubscribed: they left", "a letter")
	b.contains(b.get("/contacts/1/erase"), "cannot be taken back")
	if a := b.post("/contacts/1/erase", ""); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if n := b.number(`select count(*) from contacts where address_key = $1`, address); n != 0 {
		t.Errorf("%d contacts are left", n)
	}
	if a := b.do("GET", b.site.URL+"/contacts/99999", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a contact that is not there: %s", a.Status)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(250)
	b.exec(`update contacts set verdict = 'risky', reasons = '{role}' where id in (200, 201)`)
	b.post("/lists", "name=Empty")
	if a := b.post("/lists", "name=Empty"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "exists") {
		t.Errorf("a second list of the same name: %s", a.Status)
	}
	b.contains(b.get("/lists"), "Weekly news", "250", "Empty")
	b.contains(b.get("/lists/1/members"), "reader1@", `href="/lists/1/members?after=100"`)
	b.contains(b.get("/lists/1/members?after=200"), "reader250@")
	page := b.get("/lists/1/members?verdict=risky")
	b.contains(page, "reader200@", "reader201@")
	if strings.Contains(page.body, "reader1@") {
		t.Error("the filter lets others pass")
	}
	b.contains(b.get("/lists/1/members?q=reader24"), "reader24@", "reader249@")
	if n := strings.Count(b.get("/lists/1/members.csv").body, "\n"); n != 251 {
		t.Errorf("%d lines of CSV", n)
	}
	if a := b.post("/lists/1/delete", ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a list with members was deleted: %s", a.Status)
	}
	empty := b.number(`select id from lists where name = 'Empty'`)
	b.post(fmt.Sprintf("/lists/%d/rename", empty), "name=Still+empty")
	b.contains(b.get("/lists"), "Still empty")
	b.post(fmt.Sprintf("/lists/%d/delete", empty), "")
	if n := b.number(`select count(*) from lists`); n != 1 {
		t.Errorf("%d lists", n)
	}
}

func TestSuppressionPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(10)
	b.contains(b.get("/suppressions"), "Nothing is suppressed yet")
	b.post("/suppressions", "what=example.org&note=partner")
	b.post("/suppressions", "what=Ana@example.com&list=Weekly+news")
	if a := b.post("/suppressions", "what=nonsense+here"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "neither an address nor a domain") {
		t.Errorf("nonsense: %s", a.Status)
	}
	b.contains(b.get("/suppressions"), "Everything at example.org", "ana@example.com", "Weekly news")
	body, kind := fileForm(t, "address,reason\nbob@example.net,complained\nbroken\n")
	b.contains(b.post("/suppressions/import", body, "Content-Type", kind), "1 added", "1 refused")
	page := b.get("/suppressions?reason=complained")
	b.contains(page, "bob@example.net")
	if strings.Contains(page.body, "/suppressions/lift?what=bob") || strings.Contains(page.body, "ana@example.com</a>") {
		t.Error("a complaint can be lifted, or the filter is broken")
	}
	if a := b.post("/suppressions/lift", "what=example.org"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("lifted without a word why: %s", a.Status)
	}
	b.post("/suppressions/lift", "what=example.org&note=ended")
	b.contains(b.get("/suppressions.csv"), "ana@example.com", "bob@example.net")
	if n := b.number(`select count(*) from suppressions where kind = 'domain'`); n != 0 {
		t.Error("the domain is still suppressed")
	}
	b.exec(`insert into suppressions (scope, kind, key, reason, created_at) select 'global', 'address', 'x' || k || '@y.test', 'manual', now() from generate_series(1, 150) k`)
	b.contains(b.get("/suppressions"), fmt.Sprintf("/suppressions?before=%d", b.number(`select max(id) - 99 from suppressions`)))
}
