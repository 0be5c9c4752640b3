package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

// paused returns how many pauses hold at a time.
func (b *bundle) paused(at time.Time) int64 {
	b.Helper()
	return b.number(`select count(*) from suppressions where reason = 'paused' and scope = 'global' and expires_at > $1`, at)
}

func TestPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/u/" + b.link(b.sample(20), 1)
	until := time.Now().AddDate(0, 0, service.PauseDays).UTC().Format("2 January 2006")

	b.contains(b.get(path), "Pause for 30 days", "until "+until+", then they come again by themselves", "not sent to you later")
	b.contains(b.get(path+"/lists"), "Pause for 30 days")
	if n := b.traces(); n != 0 {
		t.Fatalf("looking left %d traces", n)
	}
	for range 2 { // saying it twice begins it again
		a := b.post(path, "leave=pause")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
		b.contains(a, "Paused until "+until, "reader1@d1-2.test", "End the break now")
	}
	if n := b.paused(time.Now()); n != 1 {
		t.Errorf("%d pauses", n)
	}
	if n := b.paused(time.Now().AddDate(0, 0, service.PauseDays)); n != 0 {
		t.Errorf("%d pauses have no end, or a later one", n)
	}
	if n := b.number(`select count(*) from contacts c join list_members m on m.contact_id = c.id
	                   where c.id = 1 and c.status = 'active' and m.status = 'subscribed'`); n != 1 {
		t.Error("they are not on their list any more")
	}
	b.contains(b.get(path), "You are on a break: until "+until, "Unsubscribe?")
	b.contains(b.get(path+"/lists"), "You are on a break: until "+until, "Weekly news", " checked>")
	b.contains(b.get("/contacts/1"), "Paused until ", "They chose to get nothing until then. It ends by itself.", "They paused: nothing until ")

	b.contains(b.post(path, "leave=resume"), "The break is over", "again, from the next one on")
	if n := b.paused(time.Now()); n != 0 {
		t.Errorf("%d pauses hold still", n)
	}
	b.contains(b.get("/contacts/1"), ">Active<", "Their pause was ended by the reader.")
}

// A pause that is over leaves its traces, and nothing else.
func TestPauseEndsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/u/" + b.link(b.sample(20), 1)
	b.post(path, "leave=pause")
	b.exec(`update suppressions set created_at = now() - interval '31 days', expires_at = now() - interval '1 day'`)
	b.contains(b.get(path), "Pause for 30 days")
	b.contains(b.get("/contacts/1"), ">Active<", "Their pause ended by itself.", "It was over on ")
	b.post(path, "leave=pause") // another one
	if n := b.paused(time.Now()); n != 1 {
		t.Errorf("%d pauses hold", n)
	}
	b.contains(b.get("/contacts/1"), "Paused until ", "Their pause was ended by time.", "it was over")
}

// Leaving is more than a pause, whichever comes first.
func TestPauseAndLeaving(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/u/" + b.link(b.sample(20), 1)
	b.post(path, "leave=pause")
	if a := b.post(path, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	if n := b.number(`select count(*) from suppressions where scope = 'list' and reason = 'unsubscribed' and expires_at is null`); n != 1 {
		t.Error("one click is no full leave any more")
	}
	b.contains(b.post(path, "leave=everything"), "You are unsubscribed")
	b.contains(b.get("/contacts/1"), "Unsubscribed: they left")
	left := b.get(path)
	b.contains(left, "You have left already")
	if strings.Contains(left.body, "Pause for") {
		t.Error("a pause is offered to somebody who gets nothing")
	}
	b.contains(b.post(path, "leave=pause"), "a pause does not change that")
	b.contains(b.post(path, "leave=resume"), "you have left them")
}

// Another spelling of the same mailbox gets nothing either, and does not end it.
func TestPauseOfAnotherSpelling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/u/" + b.link(b.sample(20), 1)
	b.post(path, "leave=pause")
	b.exec(`update suppressions set key = 'reader1+x@d1-2.test'`)
	b.contains(b.get(path), "You are on a break")
	b.contains(b.post(path, "leave=resume"), "Still paused until ")
	if n := b.paused(time.Now()); n != 1 {
		t.Errorf("%d pauses hold", n)
	}
}

func TestPauseFromAnotherSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if a := b.post("/u/"+b.link(b.sample(20), 1), "leave=pause", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("%s", a.Status)
	}
	if n := b.traces(); n != 0 {
		t.Errorf("%d traces", n)
	}
}
