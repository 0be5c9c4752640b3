package estimate

import (
	"fmt"
	"strings"
	"time"
)

// soonFor is how near an end is told without the time of day.
const soonFor = 90 * time.Second

// End says in words when it is done: "about 14:20 UTC".
func (e Estimate) End(now time.Time) string { return end(e.Early, e.Beyond, e.Left, e.Done, now) }

// Short is End for a column of a table: "14:20", without the zone.
func (e Estimate) Short(now time.Time) string { return short(e.Early, e.Beyond, e.Done, now) }

// Short is End for a figure.
func (w Whole) Short(now time.Time) string { return short(w.Early, w.Beyond, w.Done, now) }

func short(early, beyond bool, done, now time.Time) string {
	switch {
	case early:
		return "too early"
	case beyond:
		return "> 90 days"
	case done.Sub(now) < soonFor:
		return "soon"
	}
	return clock(done.Round(time.Minute), now)
}

// End says in words when the whole is done.
func (w Whole) End(now time.Time) string { return end(w.Early, w.Beyond, w.Left, w.Done, now) }

func end(early, beyond bool, left int64, done, now time.Time) string {
	switch {
	case left == 0:
		return "now"
	case early:
		return "too early to say"
	case beyond:
		return "not within 90 days"
	case done.Sub(now) < soonFor:
		return "in about a minute"
	}
	return "about " + clock(done.Round(time.Minute), now) + " UTC"
}

// Sentences says all that is known of the end of a campaign: when, how sure,
// when most of it is done, and what it hangs on.
func (w Whole) Sentences(now time.Time) string {
	if w.Left == 0 {
		return ""
	}
	if w.Early {
		return w.Why + "."
	}
	told := []string{"Done " + w.End(now)}
	if !w.Beyond && w.High.Sub(w.Low) > 2*time.Minute {
		told[0] += fmt.Sprintf(" (%s to %s)", clock(w.Low, now), clock(w.High, now))
	}
	if !w.Beyond && !w.Nearly.IsZero() && w.Done.Sub(w.Nearly) > 2*time.Minute {
		told = append(told, fmt.Sprintf("99 %% by %s; the last %s at %s by %s",
			clock(w.Nearly.Round(time.Minute), now), count(max(w.LastLeft, 1)), w.Last, clock(w.Done.Round(time.Minute), now)))
	}
	return strings.Join(append(told, w.Why), ". ") + "."
}

func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
