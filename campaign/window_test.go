package campaign

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func window(t testing.TB, text, zone string) Window {
	t.Helper()
	w, err := ParseWindow(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func inZone(t testing.TB, text, zone string) time.Time {
	t.Helper()
	at, err := ParseStart(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWindowOpensAndCloses(t *testing.T) {
	t.Parallel()
	const work = "08:00-20:00 mon-fri"
	for name, test := range map[string]struct {
		window, zone, at string
		open             bool
		opens, closes    string
	}{
		"on a morning":              {work, "Europe/Warsaw", "2026-11-24 09:00", true, "2026-11-24 09:00", "2026-11-24 20:00"},
		"as it opens":               {work, "Europe/Warsaw", "2026-11-24 08:00", true, "2026-11-24 08:00", "2026-11-24 20:00"},
		"as it closes":              {work, "Europe/Warsaw", "2026-11-24 20:00", false, "2026-11-25 08:00", "2026-11-25 20:00"},
		"before it opens":           {work, "Europe/Warsaw", "2026-11-24 07:59", false, "2026-11-24 08:00", "2026-11-24 20:00"},
		"on Friday evening":         {work, "Europe/Warsaw", "2026-11-27 21:00", false, "2026-11-30 08:00", "2026-11-30 20:00"},
		"over a change of clocks":   {work, "Europe/Warsaw", "2027-03-26 20:00", false, "2027-03-29 08:00", "2027-03-29 20:00"},
		"at night":                  {"22:00-06:00 fri", "UTC", "2026-11-28 01:00", true, "2026-11-28 01:00", "2026-11-28 06:00"},
		"before a night":            {"22:00-06:00 fri", "UTC", "2026-11-28 06:00", false, "2026-12-04 22:00", "2026-12-05 06:00"},
		"whole days":                {"00:00-00:00 sat,sun", "UTC", "2026-11-28 01:00", true, "2026-11-28 01:00", "2026-11-30 00:00"},
		"opening in a skipped hour": {"02:30-04:00 sun", "Europe/Warsaw", "2027-03-28 01:00", false, "2027-03-28 03:30", "2027-03-28 04:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, at := window(t, test.window, test.zone).Hours(), inZone(t, test.at, test.zone)
			if h.Open(at) != test.open {
				t.Errorf("open: %t", h.Open(at))
			}
			if want := inZone(t, test.opens, test.zone); !h.Opens(at).Equal(want) {
				t.Errorf("opens %s, want %s", h.Opens(at), want)
			}
			if want := inZone(t, test.closes, test.zone); !h.Closes(at).Equal(want) {
				t.Errorf("closes %s, want %s", h.Closes(at), want)
			}
		})
	}
	always := window(t, "00:00-00:00", "UTC").Hours()
	if at := time.Unix(1.8e9, 0); !always.Open(at) || !always.Closes(at).IsZero() {
		t.Errorf("always: %t, %s", always.Open(at), always.Closes(at))
	}
}

func TestWindowsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"08:00-20:00 mon-fri":     "Monday to Friday, 08:00 to 20:00 Europe/Warsaw",
		"Mon-Fri 08:00-20:00":     "Monday to Friday, 08:00 to 20:00 Europe/Warsaw",
		"08:00-20:00":             "every day, 08:00 to 20:00 Europe/Warsaw",
		"09:00-17:00 mon,wed,fri": "Monday, Wednesday and Friday, 09:00 to 17:00 Europe/Warsaw",
		"09:00-17:00 sat,sun":     "Saturday and Sunday, 09:00 to 17:00 Europe/Warsaw",
		"22:00-06:00 fri":         "Friday, 22:00 to 06:00 Europe/Warsaw",
		"08:00-08:00 mon":         "Monday, all day from 08:00 Europe/Warsaw",
	} {
		if got := window(t, text, "Europe/Warsaw").Words(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"": "write it like", "always": `"always" is not a day of a window`, "08:00": `"" is not a time of day`,
		"08:00-25:00": `"25:00" is not a time of day`, "08:00-20:00 mon-": "write them like mon-fri", "08:00-20:00 fri-mon": "write them like mon-fri",
		"08:00-20:00 mon,mon": "twice", "08:00-20:00 mon tue": "write it like",
	} {
		if _, err := ParseWindow(text, "UTC"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ParseWindow("08:00-20:00", "Warsaw"); err == nil {
		t.Error("Warsaw passed as a time zone")
	}
}

// Hours agree with a clock that is looked at every quarter of an hour.
func TestHoursAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"}).Draw(t, "zone")
		const quarter = 15 * time.Minute
		clock := func(q int) string { return time.Time{}.Add(time.Duration(q) * quarter).Format("15:04") }
		from := rapid.IntRange(0, 95).Draw(t, "from")
		w := Window{Zone: zone, From: clock(from), To: clock(from + rapid.IntRange(8, 96).Draw(t, "for")),
			Days: rapid.SliceOfNDistinct(rapid.SampledFrom(WindowDays), 1, 7, rapid.ID).Draw(t, "days")}
		h := w.Hours()
		// Around both changes of clocks of a year.
		start := time.Unix(rapid.SampledFrom([]int64{1_774_400_000, 1_792_600_000, 1_800_000_000}).Draw(t, "around"), 0).Truncate(quarter)
		d := time.Duration(rapid.IntRange(1, 60).Draw(t, "length")) * quarter
		end := h.After(start, d)
		open := time.Duration(0)
		for at := start; at.Before(end); at = at.Add(quarter) {
			if h.Open(at) {
				open += quarter
			}
			if opens := h.Opens(at); opens.Before(at) || !h.Open(opens) {
				t.Fatalf("at %s it opens at %s", at, opens)
			}
			if opened := h.Opened(at); !opened.Equal(at) && (!h.Open(opened) || !h.Open(at) || opened.After(at)) {
				t.Fatalf("at %s it is open since %s", at, opened)
			}
		}
		if open != d {
			t.Fatalf("%s: open for %s from %s to %s, want %s", w.Words(), open, start, end, d)
		}
		if back := h.Before(end, d); !h.After(back, d).Equal(end) || back.Before(start) {
			t.Fatalf("%s before %s is %s, not %s", d, end, back, start)
		}
	})
	at := time.Unix(1.8e9, 0)
	if h := (Window{}).Hours(); !h.After(at, time.Hour).Equal(at.Add(time.Hour)) || !h.Before(at, time.Hour).Equal(at.Add(-time.Hour)) || !h.Open(at) {
		t.Error("without a window, time passes otherwise")
	}
}

// What could not be tried outside the window is not expired by that time.
func TestLifetimeRunsWithinTheWindow(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	s.Window = window(t, "08:00-20:00 mon-fri", "UTC")
	first := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC) // a Friday; 48 h of open time end on Thursday at 10:00
	for at, want := range map[time.Time]Decision{
		time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC): {State: Deferred, Due: time.Date(2026, 11, 30, 8, 5, 0, 0, time.UTC)},
		time.Date(2026, 12, 3, 9, 58, 0, 0, time.UTC): {State: Deferred, Due: time.Date(2026, 12, 3, 10, 0, 0, 0, time.UTC)},
		time.Date(2026, 12, 3, 10, 0, 0, 0, time.UTC): {State: Expired},
	} {
		a := Attempt{Number: 1, First: first}
		a.Meaning.Temporary = true
		if diff := cmp.Diff(want, s.Decide(a, at, 0.5)); diff != "" {
			t.Errorf("at %s: %s", at, diff)
		}
	}
}
