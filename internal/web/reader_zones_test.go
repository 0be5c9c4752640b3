package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestReadersZonesOnThePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(50)
	b.exec(`update contacts set fields = fields || '{"time_zone": "Asia/Tokyo"}' where id <= 10`)
	b.exec(`update contacts set fields = fields || '{"time_zone": "nowhere"}' where id between 11 and 13`)
	b.key()
	path := b.write(newsletter())
	b.post(path+"/audience", "in=1")
	day := time.Now().UTC().AddDate(0, 0, 5)
	form := func(change ...string) string {
		f := url.Values{"when": {"at"}, "day": {day.Format(time.DateOnly)}, "time": {"09:00"}, "zone": {"Europe/Warsaw"}, "own": {"yes"}, "zone_field": {"time_zone"}}
		for i := 0; i+1 < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f.Encode()
	}
	b.contains(b.post(path+"/schedule", form("then", "zones")), "Asia/Tokyo", `<td class="n">10</td>`, "Zone not known: as in Europe/Warsaw", `<td class="n">40</td>`,
		"The field of 3 readers holds something that is no zone")
	for name, test := range map[string]struct{ form, says string }{
		"now":      {form("when", "now"), "Choose the day and time that is meant where readers are"},
		"a series": {form("repeat", "FREQ=DAILY"), "A series goes out at one moment for all"},
		"hours":    {form("hours", "window", "from", "08:00", "to", "20:00", "days", "mon"), "Certain hours are those of one zone"},
	} {
		a := b.post(path+"/schedule", test.form)
		if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
		b.contains(a, test.says)
	}
	if a := b.post(path+"/schedule", form()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(day.Year(), day.Month(), day.Day(), 9, 0, 0, 0, tokyo)
	warsaw, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		t.Fatal(err)
	}
	b.contains(b.get(path), "Goes out at 09:00 on "+day.Format("Mon 2 Jan")+", where each reader is; the first get it "+first.In(warsaw).Format("Mon 2 Jan 15:04")+" Europe/Warsaw",
		"contact field time_zone")
	// Scheduled anew for one moment, nothing of it is left.
	b.post(path+"/unschedule", "")
	b.contains(b.get(path+"/schedule"), `name="own" value="yes" checked`)
	b.post(path+"/schedule", url.Values{"when": {"now"}, "zone": {"UTC"}}.Encode())
	if n := b.number(`select count(*) from campaigns where settings ? 'reader_time'`); n != 0 {
		t.Errorf("%d campaigns keep their readers' time", n)
	}
}
