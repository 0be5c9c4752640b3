package campaign

import (
	"fmt"
	"strings"
	"time"
)

// layouts are the ways in which a person may write a start.
var layouts = []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// ParseStart reads a start such as "2026-11-24 09:00" in the named IANA time
// zone, or a full RFC 3339 time, which carries its own. A local time that does
// not exist because clocks jump over it is an error, not a guess; of one that
// comes twice because clocks are put back, either is taken.
func ParseStart(text, zone string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return time.Time{}, fmt.Errorf("%q is not a time zone; use a name such as Europe/Warsaw or America/New_York", zone)
	}
	for _, layout := range layouts {
		wall, err := time.Parse(layout, text) // UTC leaves nothing out
		if err != nil {
			continue
		}
		t, err := time.ParseInLocation(layout, text, location)
		if err != nil {
			continue
		}
		if t.Format(time.DateTime) != wall.Format(time.DateTime) {
			return time.Time{}, fmt.Errorf("%s does not exist in %s: clocks are put forward over it; choose another time", text, zone)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write it like 2026-11-24 09:00", text)
}

// WordsForStart says when a campaign starts: "Tue 24 Nov 09:00 Europe/Warsaw, in 2 d 14 h".
func WordsForStart(start time.Time, zone string, now time.Time) string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		location, zone = time.UTC, "UTC"
	}
	day := start.In(location).Format("Mon 2 Jan 15:04")
	if wait := start.Sub(now); wait > 0 {
		return fmt.Sprintf("%s %s, in %s", day, zone, WordsForWait(wait))
	}
	return fmt.Sprintf("%s %s", day, zone)
}

// WordsForWait says a length of time in its two largest units: "2 d 14 h".
func WordsForWait(wait time.Duration) string {
	seconds := int64(wait.Round(time.Second) / time.Second)
	units := []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, unit := range units {
		if seconds < unit.size {
			continue
		}
		words := fmt.Sprintf("%d %s", seconds/unit.size, unit.name)
		if i+1 < len(units) {
			if rest := seconds % unit.size / units[i+1].size; rest > 0 {
				words += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return words
	}
	return "0 s"
}

// RunName names a run of a campaign that repeats, by its day: "Weekly letter, 24
// Nov 2026". Of a long name the end is left out.
func RunName(name string, at time.Time, zone string) string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	const most = 185 // characters, so that with its day it is no longer than names are
	if runes := []rune(name); len(runes) > most {
		name = strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return name + ", " + at.In(location).Format("2 Jan 2006")
}
