package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// count writes a number with thousands separators: 47,050.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// share writes a part of a whole in percent, rounded down to a tenth: what
// reads 100 % is complete, and what reads 0 % is none at all.
func share(part, whole int64) string {
	switch {
	case whole <= 0:
		return "–"
	case part <= 0:
		return "0 %"
	case part >= whole:
		return "100 %"
	}
	tenths := int64(float64(part) / float64(whole) * 1000)
	switch {
	case tenths == 0:
		return "< 0.1 %"
	case tenths >= 1000: // rounding of the quotient
		tenths = 999
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// rate writes messages per second so that a person can read them: 1,204/s,
// 12/s, 1.4/s or, when slower, per minute or hour.
func rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || perSecond <= 0:
		return "0/s"
	case perSecond >= 9.95:
		return count(int64(math.Round(min(perSecond, 1e15)))) + "/s"
	case perSecond >= 0.2:
		return strconv.FormatFloat(perSecond, 'f', 1, 64) + "/s"
	case perSecond >= 0.2/60:
		return strconv.FormatFloat(perSecond*60, 'f', 1, 64) + "/min"
	}
	return strconv.FormatFloat(perSecond*3600, 'f', 1, 64) + "/h"
}

// clock writes the time of day in UTC: 14:02:31. Where it stands, the zone is
// said.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// moment writes the time of day, with the day when it was not today (in UTC).
func moment(t, now time.Time) string {
	if t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return clock(t)
	}
	return t.UTC().Format("2 Jan 15:04")
}

// stamp writes day and time: 21 Nov 2026, 14:02 UTC.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 Jan 2006, 15:04 UTC")
}

// machineTime writes a time for programs (RFC 3339).
func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plural writes a number with its noun: 1 message, 12 messages.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// size writes a number of bytes: 412 bytes, 1.2 MB.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return plural(bytes, "byte", "bytes")
	case bytes < 1000*1000:
		return strconv.FormatFloat(float64(bytes)/1e3, 'f', 1, 64) + " kB"
	}
	return strconv.FormatFloat(float64(bytes)/1e6, 'f', 1, 64) + " MB"
}

// ended makes a sentence of words that begin in lower case and have no end.
func ended(words string) string {
	if words == "" || strings.HasSuffix(words, ".") {
		return capital(words)
	}
	return capital(words) + "."
}

// capital begins a sentence with a capital letter, unless it begins with an
// address, which is written as it is.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if word, _, _ := strings.Cut(s, " "); n == 0 || strings.Contains(word, "@") {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
}
