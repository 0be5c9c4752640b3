package recurrence

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// at reads a moment of a zone.
func at(t testing.TB, text, zone string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, place)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule, start, zone string
		words             string
		want              []string // with offset
	}{
		"nine o'clock stays, when clocks go back": {"FREQ=WEEKLY;BYDAY=TU", "2026-10-20 09:00", "Europe/Warsaw",
			"every week on Tuesday at 09:00 Europe/Warsaw",
			[]string{"2026-10-20 09:00 +0200", "2026-10-27 09:00 +0100", "2026-11-03 09:00 +0100"}},
		"and when they go forward": {"FREQ=DAILY", "2027-03-13 09:00", "America/New_York", "every day at 09:00 America/New_York",
			[]string{"2027-03-13 09:00 -0500", "2027-03-14 09:00 -0400", "2027-03-15 09:00 -0400"}},
		"an hour that is left out is counted from before": {"FREQ=DAILY", "2027-03-27 02:30", "Europe/Warsaw", "every day at 02:30 Europe/Warsaw",
			[]string{"2027-03-27 02:30 +0100", "2027-03-28 03:30 +0200", "2027-03-29 02:30 +0200"}},
		"of an hour that comes twice the first is meant": {"FREQ=DAILY", "2026-10-24 02:30", "Europe/Warsaw", "every day at 02:30 Europe/Warsaw",
			[]string{"2026-10-24 02:30 +0200", "2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100"}},
		"on the other side of the world": {"FREQ=MONTHLY;BYDAY=-1FR", "2026-09-01 08:00", "Pacific/Auckland", "every month on the last Friday at 08:00 Pacific/Auckland",
			[]string{"2026-09-25 08:00 +1200", "2026-10-30 08:00 +1300", "2026-11-27 08:00 +1300"}},
		"the start is not of the rule": {"RRULE:freq=weekly; byday=TU,TH;interval=2", "2026-11-23 07:15", "UTC", "every 2 weeks on Tuesday and Thursday at 07:15 UTC",
			[]string{"2026-11-24 07:15 +0000", "2026-11-26 07:15 +0000", "2026-12-08 07:15 +0000"}},
		"a number of times": {"FREQ=DAILY;COUNT=2", "2026-11-23 07:15", "UTC", "every day at 07:15 UTC, 2 times in all",
			[]string{"2026-11-23 07:15 +0000", "2026-11-24 07:15 +0000"}},
		"until a day, whole": {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261124", "2026-11-23 23:30", "Europe/Warsaw",
			"every week on Monday to Friday at 23:30 Europe/Warsaw, until 24 Nov 2026",
			[]string{"2026-11-23 23:30 +0100", "2026-11-24 23:30 +0100"}},
		"until a moment of UTC": {"FREQ=DAILY;UNTIL=20261124T225959Z", "2026-11-24 00:00", "Europe/Warsaw", "every day at 00:00 Europe/Warsaw, until 24 Nov 2026",
			[]string{"2026-11-24 00:00 +0100"}},
		"short months are passed over": {"FREQ=MONTHLY", "2026-12-31 09:00", "UTC", "every month on the 31st at 09:00 UTC",
			[]string{"2026-12-31 09:00 +0000", "2027-01-31 09:00 +0000", "2027-03-31 09:00 +0000"}},
		"the last day": {"FREQ=MONTHLY;BYMONTHDAY=-1", "2027-01-31 09:00", "UTC", "every month on the last day at 09:00 UTC",
			[]string{"2027-01-31 09:00 +0000", "2027-02-28 09:00 +0000", "2027-03-31 09:00 +0000"}},
		"the first Monday": {"FREQ=MONTHLY;BYDAY=1MO", "2026-11-23 09:00", "UTC", "every month on the first Monday at 09:00 UTC",
			[]string{"2026-12-07 09:00 +0000", "2027-01-04 09:00 +0000", "2027-02-01 09:00 +0000"}},
		"leap days": {"FREQ=YEARLY", "2028-02-29 09:00", "UTC", "every year on 29 February at 09:00 UTC",
			[]string{"2028-02-29 09:00 +0000", "2032-02-29 09:00 +0000", "2036-02-29 09:00 +0000"}},
		"without plain words": {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-11-01 09:00", "UTC",
			"by the rule FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 at 09:00 UTC",
			[]string{"2026-11-30 09:00 +0000", "2026-12-31 09:00 +0000", "2027-01-29 09:00 +0000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := at(t, test.start, test.zone)
			r, err := Parse(test.rule, start, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, run := range r.After(start.Add(-time.Second), 3) {
				got = append(got, run.In(start.Location()).Format("2006-01-02 15:04 -0700"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if r.Words() != test.words {
				t.Errorf("%q, want %q", r.Words(), test.words)
			}
			again, err := Parse(r.String(), start, r.Zone())
			if err != nil || again.Words() != r.Words() {
				t.Errorf("read again: %v, %v", again, err)
			}
		})
	}
}

func TestBadRulesAreExplained(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"":                                     "the rule is empty",
		"every Tuesday":                        "not of the form NAME=VALUE",
		"BYDAY=TU":                             "FREQ is missing",
		"FREQ=HOURLY":                          "DAILY, WEEKLY, MONTHLY or YEARLY",
		"FREQ=FORTNIGHTLY":                     "DAILY, WEEKLY, MONTHLY or YEARLY",
		"FREQ=DAILY;BYHOUR=9,15":               "the time of day is that of the start",
		"FREQ=DAILY;BYEASTER=0":                "BYEASTER is not known",
		"FREQ=DAILY;FREQ=WEEKLY":               "twice",
		"FREQ=WEEKLY;BYDAY=DI":                 "BYDAY=DI is not understood: days are MO",
		"FREQ=WEEKLY;BYDAY=2TU":                "a number before the day",
		"FREQ=MONTHLY;BYDAY=53MO":              "from 1 to 5",
		"FREQ=YEARLY;BYDAY=-6MO;BYMONTH=2":     "from -1 to -5",
		"FREQ=YEARLY;BYDAY=54MO":               "from 1 to 53",
		"FREQ=WEEKLY;BYMONTHDAY=3":             "use FREQ=MONTHLY",
		"FREQ=MONTHLY;BYMONTHDAY=32":           "bymonthday must be between 1 and 31",
		"FREQ=MONTHLY;BYMONTHDAY=x":            "whole numbers",
		"FREQ=DAILY;INTERVAL=0":                "from 1 to 10000",
		"FREQ=DAILY;COUNT=-1":                  "from 1 to 10000",
		"FREQ=DAILY;COUNT=2;UNTIL=20270101":    "choose one",
		"FREQ=DAILY;UNTIL=tomorrow":            "write it like UNTIL=20261231",
		"FREQ=DAILY;UNTIL=20200101":            "never comes true",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30":  "never comes true",
		"FREQ=DAILY;BYSETPOS=1":                "there is none",
		"DTSTART=20260101T000000Z;FREQ=DAILY":  "no part of a rule",
		"FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2,4": "never comes true",
	} {
		_, err := Parse(rule, at(t, "2026-11-24 09:00", "UTC"), "UTC")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rule, err, want)
		}
	}
	if _, err := Parse("FREQ=DAILY", time.Unix(0, 0), "Warsaw"); err == nil {
		t.Error("Warsaw passed as a time zone")
	}
}

// A run is always at its time of day, or as much later as clocks jumped; runs
// come in order, and none twice.
func TestRunsKeepTheirTimeOfDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"}).Draw(t, "zone")
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Unix(rapid.Int64Range(1.7e9, 2.0e9).Draw(t, "start"), 0).In(place)
		rule := rapid.SampledFrom([]string{"FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY;BYMONTHDAY=-1"}).Draw(t, "rule")
		r, err := Parse(rule, start, zone)
		if err != nil {
			t.Fatal(err)
		}
		before := start.Add(-time.Second)
		runs := r.After(before, 400)
		for _, run := range runs {
			if !run.After(before) {
				t.Fatalf("%s follows %s", run, before)
			}
			before = run
			late := wall(run, place).Sub(wall(start, place)) % (24 * time.Hour)
			if late != 0 && late != time.Hour && late != 30*time.Minute {
				t.Fatalf("%s is %s off the time of day of %s", run.In(place), late, start)
			}
		}
		if upto := r.Upto(start, before); len(upto) != len(runs) {
			t.Fatalf("%d runs up to the last of %d", len(upto), len(runs))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, rule := range []string{"FREQ=WEEKLY;BYDAY=TU", "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "FREQ=YEARLY;BYWEEKNO=53;UNTIL=20300101T000000Z", "FREQ=DAILY;BYSETPOS=-1;BYMONTH=2"} {
		f.Add(rule)
	}
	start := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text, start, "Europe/Warsaw")
		if err != nil {
			return
		}
		runs := r.After(start.Add(-time.Second), 3)
		if len(runs) == 0 || runs[0].Before(start) || r.Words() == "" {
			t.Errorf("%q: %v, %q", text, runs, r.Words())
		}
	})
}

func TestMovedKeepsTheClock(t *testing.T) {
	t.Parallel()
	r, err := Parse("FREQ=WEEKLY", at(t, "2026-10-20 09:00", "Europe/Warsaw"), "Europe/Warsaw")
	if err != nil {
		t.Fatal(err)
	}
	runs := r.After(at(t, "2026-10-20 08:00", "Europe/Warsaw"), 2)
	got := r.Moved(at(t, "2026-10-20 17:00", "Europe/Warsaw"), runs[0], runs[1])
	if want := at(t, "2026-10-27 17:00", "Europe/Warsaw"); !got.Equal(want) {
		t.Errorf("%s, want %s", got, want)
	}
}
