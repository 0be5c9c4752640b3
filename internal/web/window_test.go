package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// opensOn is the form of a window that is open on the weekday of a date, and is
// closed until then when the date is not today.
func opensOn(date time.Time) url.Values {
	day := campaign.WindowDays[(int(date.Weekday())+6)%7]
	return url.Values{"hours": {"window"}, "from": {"08:00"}, "to": {"20:00"}, "days": {day}, "zone": {"UTC"}, "when": {"now"}}
}

func TestWindowOnThePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(50)
	b.key()
	path := b.write(newsletter())
	b.post(path+"/audience", "in=1")
	next := time.Now().UTC().AddDate(0, 0, 3)
	b.contains(b.get(path+"/schedule"), `name="hours" value="" checked`, `name="from" type="time" value="08:00"`, `value="fri" checked`, `value="sat">`)
	for name, test := range map[string]struct{ field, value, says string }{
		"no day":  {"days", "", "A window needs at least one day of the week."},
		"no time": {"from", "", "is not a time of day"},
	} {
		form := opensOn(next)
		form[test.field] = []string{test.value}
		if test.value == "" && test.field == "days" {
			form.Del("days")
		}
		a := b.post(path+"/schedule", form.Encode())
		if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
		b.contains(a, test.says, `id="window-problem"`, `name="hours" value="window" checked`)
	}
	if a := b.post(path+"/schedule", opensOn(next).Encode()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.exec(`update campaigns set launch_done = true where state = 'sending'`)
	b.server.snapshots.changed(2)
	b.contains(b.get(path), "Outside its window", fmt.Sprintf("Nothing goes out until %s UTC, in ", next.Format("Mon 2 Jan 08:00")), "then it goes on by itself", "08:00 to 20:00 UTC. Deferred mail")
	b.contains(b.get("/campaigns"), "Outside its window")
	if json := b.get(path + ".json").body; !strings.Contains(json, `"closed_until": "`) {
		t.Error(json)
	}
	b.exec(`update campaigns set settings = settings - 'window'`)
	b.server.snapshots.changed(2)
	if page := b.get(path).body; strings.Contains(page, "Outside its window") {
		t.Error("without a window it is still outside")
	}
}
