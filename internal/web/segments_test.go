package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A segment is made, widened and counted without scripts.
func TestSegmentPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	b.exec(`update contacts set fields = '{"city": "Oslo"}' where id <= 3`)
	b.contains(b.get("/segments"), "There is no segment of your own yet", "Quiet for 180 days", "Send them one newsletter")
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
	nonsense := url.Values{"name": {"Nobody"}, "match-0": {"all"}, "op-0-0": {"is"}, "do": {"save"}}
	for subject, words := range map[string]string{"verdict": "is no verdict; there are: deliverable", "list": "there is no list", "received": "there is no campaign with the number"} {
		nonsense.Set("subject-0-0", subject)
		nonsense.Set("value-0-0", "999")
		b.contains(b.post("/segments", nonsense.Encode()), words)
	}
	form.Set("op-0-0", "is")
	if a := b.post("/segments", form.Encode()); a.Header.Get("Location") != "/segments/4" {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/segments/4"), "3 contacts", "City is Oslo", "reader3@")
	b.contains(b.get("/segments"), "Oslo")
	b.post("/segments/4/delete", "")
	if a := b.do("GET", b.site.URL+"/segments/4", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s", a.Status)
	}
}

// The segments of a sunset are there from the beginning; they are explained, can
// be copied, and not changed.
func TestBuiltInSegmentPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(10)
	b.contains(b.get("/segments/2"), "Quiet for 180 days", "clicked no link in the last 180 days", "Send them one newsletter", "/segments/new?copy=2")
	b.contains(b.get("/segments/new?copy=2"), "Quiet for 180 days (copy)", `value="180"`)
	change := url.Values{"id": {"2"}, "name": {"Loud"}, "match-0": {"all"}, "subject-0-0": {"status"}, "op-0-0": {"is"}, "value-0-0": {"active"}, "do": {"save"}}
	if a := b.post("/segments", change.Encode()); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "a copy of it can") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	if a := b.post("/segments/2/delete", ""); a.StatusCode != http.StatusConflict {
		t.Error(a.Status)
	}
}

// An audience takes segments and former campaigns, to send to and to leave out.
func TestAudienceOfSegments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sent := b.sample(40)
	b.exec(`update deliveries set state = 'delivered' where campaign_id = $1 and contact_id <= 15`, sent)
	b.exec(`update campaigns set launched_at = now() - interval '1 day' where id = $1`, sent)
	b.exec(`update contacts set fields = '{"city": "Oslo"}' where id <= 20`)
	oslo := url.Values{"name": {"Oslo"}, "match-0": {"all"}, "subject-0-0": {"field"}, "name-0-0": {"city"}, "op-0-0": {"is"}, "value-0-0": {"Oslo"}, "do": {"save"}}
	id := strings.TrimPrefix(b.post("/segments", oslo.Encode()).Header.Get("Location"), "/segments/")
	draft := b.write(newsletter("name", "To Oslo"))
	b.contains(b.get(draft+"/audience"), "City is Oslo", "Whoever received", "Quiet for 180 days")
	if a := b.post(draft+"/audience", fmt.Sprintf("in_segment=%s&out_received=%d", id, sent)); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	var page answer
	for deadline := time.Now().Add(time.Minute); ; {
		if page = b.get(draft + "/audience"); !strings.Contains(page.body, "Being counted") || time.Now().After(deadline) {
			break
		}
	}
	b.contains(page, "Will receive</th><td class=\"n\">5<", "Left out by choice</th><td class=\"n\">−15<", "Received Autumn letter")
	b.contains(b.get(draft+"/schedule"), "Oslo", "Without", "Received Autumn letter")
	b.contains(b.post(draft+"/audience", fmt.Sprintf("in_segment=%s&out_segment=%[1]s", id)), "both chosen and left out")
	again := b.write(newsletter("name", "Once more"))
	b.post(again+"/audience", fmt.Sprintf("in=1&out_received=%d", sent))
	if n := b.number(`select count(*) from segments where built_in = ''`); n != 2 {
		t.Errorf("there are %d segments", n)
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
