package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A segment is made, widened and counted without scripts.
func TestSegmentPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	b.exec(`update contacts set fields = '{"city": "Oslo"}' where id <= 3`)
	b.contains(b.get("/segments"), "There is no segment yet")
	b.contains(b.get("/segments/new"), "subject-0-0")
	form := url.Values{"name": {"Oslo"}, "match-0": {"all"}, "subject-0-0": {"field"}, "name-0-0": {"city"}, "op-0-0": {"is"}, "value-0-0": {"Oslo"}, "do": {"add:0"}}
	b.contains(b.post("/segments", form.Encode()), "subject-0-1", `value="Oslo"`)
	form.Set("do", "group")
	b.contains(b.post("/segments", form.Encode()), "subject-1-0")
	form.Set("do", "remove:0-0")
	if strings.Contains(b.post("/segments", form.Encode()).body, "subject-0-0") {
		t.Error("the condition is still there")
	}
	form.Set("do", "save")
	form.Set("op-0-0", "within")
	if a := b.post("/segments", form.Encode()); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nonsense was kept: %s", a.Status)
	}
	form.Set("op-0-0", "is")
	if a := b.post("/segments", form.Encode()); a.Header.Get("Location") != "/segments/1" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/segments/1"), "3 contacts", "City is Oslo", "reader3@")
	b.contains(b.get("/segments"), "Oslo")
	b.post("/segments/1/delete", "")
	if a := b.do("GET", b.site.URL+"/segments/1", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s", a.Status)
	}
}

func TestRepliesPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	b.contains(b.get("/replies"), "Nothing was refused or put off", "None in the last 24 hours")
	b.attempts(id, 1, 12, "deferred", "rate", 421, throttleWords)
	b.attempts(id, 2, 3, "bounced", "", 599, "599 the moon is in the seventh house")
	b.exec(`update attempts set rule = 'fallback' where code = 599`)
	b.contains(b.get("/replies?for=7d"), "12 attempts", "the moon is in the seventh house", "in the last 7 days", "no rule knows")
}
