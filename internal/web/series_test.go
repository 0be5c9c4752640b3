package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestSeriesOnThePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(50)
	b.key()
	path := b.write(newsletter("name", "Weekly letter"))
	b.post(path+"/audience", "in=1")
	first := time.Now().AddDate(0, 0, 3)
	form := func(change ...string) string {
		f := url.Values{"when": {"at"}, "day": {first.Format(time.DateOnly)}, "time": {"09:00"}, "zone": {"Europe/Warsaw"}, "repeat": {"FREQ=WEEKLY"}}
		for i := 0; i+1 < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f.Encode()
	}
	for name, test := range map[string]struct {
		form, says string
	}{
		"no rule":      {form("repeat", "rule"), "Write the rule, such as FREQ=WEEKLY;BYDAY=TU."},
		"a bad rule":   {form("repeat", "rule", "rule", "FREQ=WEEKLY;BYDAY=DI"), "BYDAY=DI is not understood"},
		"an end early": {form("until", "2020-01-01"), "never comes true"},
		"no end":       {form("until", "tomorrow"), "write it like 2026-12-31"},
		"now":          {form("when", "now"), "Choose the day and time of the first run"},
	} {
		a := b.post(path+"/schedule", test.form)
		if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
		b.contains(a, test.says, `id="repeat-problem"`)
	}
	shown := b.post(path+"/schedule", form("then", "runs", "repeat", "rule", "rule", "FREQ=DAILY;COUNT=2"))
	b.contains(shown, "Goes out every day at 09:00 Europe/Warsaw, 2 times in all", first.Format("Mon 2 Jan 2006")+" 09:00 Europe/Warsaw")
	b.contains(b.get(path), "A draft: nothing") // only shown

	if a := b.post(path+"/schedule", form()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get(path), "The next run starts "+first.Format("Mon 2 Jan")+" 09:00 Europe/Warsaw", "Goes out every week on "+first.Weekday().String(),
		first.AddDate(0, 0, 28).Format("Mon 2 Jan 2006"), `id="do-end-series"`, ">Pause the series<")
	b.contains(b.get("/"), "and again after that")
	b.post(path+"/unschedule", "")
	b.contains(b.get(path), "Its series is paused", `id="do-resume-series"`, "The next runs would be")
	b.contains(b.get(path+"/schedule"), `value="FREQ=WEEKLY" selected`, `value="`+first.Format(time.DateOnly)+`"`)
	// A time to finish by belongs to the first run, which may be over.
	b.exec(`update campaigns set settings = settings || '{"finish_by": "2026-01-01T17:00:00Z"}' where name = 'Weekly letter'`)
	b.exec(`update series set starts_at = '2026-01-01T08:00:00Z'`)
	b.post(path+"/resume-series", "")
	b.contains(b.get(path), `class="badge is-scheduled"`, "The series goes on.", "The series was paused by hand.")

	b.exec(`insert into campaigns (name, state, content, settings, created_at, updated_at, series_of, series_number)
	        select 'Weekly letter, 1 Nov 2026', 'finished', content, settings, now(), now(), id, 1 from campaigns where name = 'Weekly letter'`)
	b.contains(b.get("/campaigns/3"), `Run 1 of the series <a href="`+path+`">Weekly letter</a>`)
	b.server.snapshots.changed(2)
	b.contains(b.get(path), "Weekly letter, 1 Nov 2026", "run 1")
	b.post(path+"/end-series", "")
	b.contains(b.get(path), "The series has ended.", "Its rule was FREQ=WEEKLY", "A draft: nothing")
	if a := b.post(path+"/resume-series", ""); a.StatusCode != http.StatusConflict {
		t.Errorf("a series that has ended is resumed: %s", a.Status)
	}
	if n := b.number(`select count(*) from audit_log where action in ('campaign.repeat', 'campaign.unschedule', 'campaign.series-resume', 'campaign.series-end')`); n != 4 {
		t.Errorf("%d lines in the audit log", n)
	}
}
