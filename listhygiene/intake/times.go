package intake

import (
	"strconv"
	"time"
)

// fixedLayouts are the ways in which exporters write a time that can be read in
// one way only and always have the length of their layout. 03/04/2024 is not
// among them: it is March or April.
var fixedLayouts = []string{
	"2006-01-02 15:04:05",
	"2006-01-02",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04",
	"2006/01/02 15:04:05",
	"2006/01/02",
	"02.01.2006 15:04:05",
	"02.01.2006 15:04",
	"02.01.2006",
	"2006-01-02 15:04:05 -0700",
}

// looseLayouts vary in length.
var looseLayouts = []string{
	time.RFC3339,
	"2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05 -0700 MST",
	"Jan 2, 2006 03:04 pm",
	"Jan 2, 2006",
	"2 Jan 2006",
	time.RFC1123Z,
	time.RFC1123,
}

// The seconds since 1970 that are read as a time: 2001 to 2100.
const minUnix, maxUnix = 1_000_000_000, 4_102_444_800

// plausible reports whether anyone can have agreed to mail at a time: exporters write
// the year 1, 1970 or 9999 where they know of none.
func plausible(t time.Time) bool { return t.Year() > 1970 && t.Unix() <= maxUnix }

// parseTime reads the time of a consent. A time without a zone counts as UTC.
func parseTime(value string) (time.Time, bool) {
	for _, layout := range fixedLayouts {
		if len(value) != len(layout) {
			continue
		}
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	for _, layout := range looseLayouts {
		if len(value) < len("2 Jan 2006") {
			break
		}
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		if n > minUnix*1000 {
			n /= 1000 // milliseconds
		}
		return time.Unix(n, 0).UTC(), n >= minUnix && n <= maxUnix
	}
	return time.Time{}, false
}
