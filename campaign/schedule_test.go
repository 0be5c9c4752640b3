package campaign

import (
	"strings"
	"testing"
	"time"
)

func TestParseStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, zone string
		want             string // RFC 3339 in UTC; empty: an error
		wrong            string // part of the error
	}{
		{name: "winter", text: "2026-11-24 09:00", zone: "Europe/Warsaw", want: "2026-11-24T08:00:00Z"},
		{name: "summer", text: "2026-07-24 09:00", zone: "Europe/Warsaw", want: "2026-07-24T07:00:00Z"},
		{name: "west", text: "2026-11-24T09:00", zone: "America/New_York", want: "2026-11-24T14:00:00Z"},
		{name: "with seconds", text: " 2026-11-24 09:00:30 ", zone: "UTC", want: "2026-11-24T09:00:30Z"},
		{name: "one digit for the hour", text: "2026-11-24 9:00", zone: "Europe/Warsaw", want: "2026-11-24T08:00:00Z"},
		{name: "its own zone wins", text: "2026-11-24T09:00:00+05:30", zone: "Europe/Warsaw", want: "2026-11-24T03:30:00Z"},
		{name: "last minute before the gap", text: "2026-03-29 01:59", zone: "Europe/Warsaw", want: "2026-03-29T00:59:00Z"},
		{name: "first minute of the gap", text: "2026-03-29 02:00", zone: "Europe/Warsaw", wrong: "does not exist"},
		{name: "in the gap", text: "2026-03-29 02:30", zone: "Europe/Warsaw", wrong: "put forward"},
		{name: "first minute after the gap", text: "2026-03-29 03:00", zone: "Europe/Warsaw", want: "2026-03-29T01:00:00Z"},
		{name: "gap of half an hour", text: "2026-10-04 02:15", zone: "Australia/Lord_Howe", wrong: "does not exist"},
		{name: "gap at midnight", text: "2026-09-06 00:30", zone: "America/Santiago", wrong: "does not exist"},
		{name: "a day that was skipped", text: "2011-12-30 12:00", zone: "Pacific/Apia", wrong: "does not exist"},
		{name: "before the overlap", text: "2026-10-25 01:59", zone: "Europe/Warsaw", want: "2026-10-24T23:59:00Z"},
		{name: "after the overlap", text: "2026-10-25 03:00", zone: "Europe/Warsaw", want: "2026-10-25T02:00:00Z"},
		{name: "no such day", text: "2026-02-30 09:00", zone: "UTC", wrong: "is not a time"},
		{name: "words", text: "tomorrow", zone: "UTC", wrong: "2026-11-24 09:00"},
		{name: "no zone", text: "2026-11-24 09:00", zone: "", wrong: "not a time zone"},
		{name: "this machine's zone", text: "2026-11-24 09:00", zone: "Local", wrong: "not a time zone"},
		{name: "no such zone", text: "2026-11-24 09:00", zone: "Europe/Krakow", wrong: "not a time zone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseStart(tt.text, tt.zone)
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Fatalf("ParseStart(%q, %q) = %v, %v; want an error with %q", tt.text, tt.zone, got, err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if said := got.UTC().Format(time.RFC3339); said != tt.want {
				t.Errorf("ParseStart(%q, %q) = %s; want %s", tt.text, tt.zone, said, tt.want)
			}
		})
	}
}

// A local time that comes twice is one of the two, and reads as it was written.
func TestParseStartInAnOverlap(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Warsaw", "Europe/London"} {
		minute := "2026-10-25 02:30"
		if zone == "Europe/London" {
			minute = "2026-10-25 01:30"
		}
		got, err := ParseStart(minute, zone)
		if err != nil {
			t.Fatalf("%s in %s: %v", minute, zone, err)
		}
		if again := got.Format("2006-01-02 15:04"); again != minute {
			t.Errorf("%s in %s became %s", minute, zone, again)
		}
		first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
		if !got.Equal(first) && !got.Equal(first.Add(time.Hour)) {
			t.Errorf("%s in %s became %s", minute, zone, got.UTC())
		}
	}
}

// Whatever minute of a year is written down in a zone, either it exists and
// reads back the same, or it is refused, and that happens for a gap only.
func TestParseStartReadsBackTheSame(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Warsaw", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata"} {
		refused := 0
		for wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); wall.Year() == 2026; wall = wall.Add(15 * time.Minute) {
			text := wall.Format("2006-01-02 15:04")
			got, err := ParseStart(text, zone)
			switch {
			case err != nil:
				refused++
			case got.Format("2006-01-02 15:04") != text:
				t.Fatalf("%s in %s became %s", text, zone, got)
			}
		}
		want := map[string]int{"Europe/Warsaw": 4, "America/Santiago": 4, "Australia/Lord_Howe": 2}[zone]
		if refused != want {
			t.Errorf("%s: %d quarters of an hour were refused; want %d", zone, refused, want)
		}
	}
}

func TestWordsForWait(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		-time.Minute:                          "0 s",
		0:                                     "0 s",
		400 * time.Millisecond:                "0 s",
		500 * time.Millisecond:                "1 s",
		59400 * time.Millisecond:              "59 s",
		59600 * time.Millisecond:              "1 min",
		90 * time.Second:                      "1 min 30 s",
		time.Hour:                             "1 h",
		time.Hour + 59*time.Second:            "1 h",
		time.Hour + time.Minute:               "1 h 1 min",
		24*time.Hour + 30*time.Minute:         "1 d",
		62*time.Hour + 10*time.Minute:         "2 d 14 h",
		24*time.Hour - 400*time.Millisecond:   "1 d",
		400*24*time.Hour + 3*time.Hour:        "400 d 3 h",
		23*time.Hour + 59*time.Minute + 29e9:  "23 h 59 min",
		time.Minute + 500*time.Millisecond/10: "1 min",
	} {
		if got := WordsForWait(wait); got != want {
			t.Errorf("WordsForWait(%s) = %q; want %q", wait, got, want)
		}
	}
}

func TestWordsForStart(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	if got, want := WordsForStart(start, "Europe/Warsaw", start.Add(-62*time.Hour)), "Tue 24 Nov 09:00 Europe/Warsaw, in 2 d 14 h"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := WordsForStart(start, "Europe/Warsaw", start), "Tue 24 Nov 09:00 Europe/Warsaw"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := WordsForStart(start, "Nowhere/Else", start), "Tue 24 Nov 08:00 UTC"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
