package estimate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// Bound is what keeps a provider's part from being done sooner.
type Bound string

// The bounds, the firmest first.
const (
	Nothing  Bound = "nothing"  // all is done
	Unknown  Bound = "unknown"  // too little was sent to say
	Hold     Bound = "hold"     // the provider takes nothing now
	WarmUp   Bound = "warm-up"  // the days' ceilings
	Quota    Bound = "quota"    // a number per clock window
	Hand     Bound = "hand"     // a ceiling set by the operator
	Retries  Bound = "retries"  // what is left was put off
	Readers  Bound = "readers"  // what is left waits for the time of its readers' zones
	Greylist Bound = "greylist" // first attempts are put off
	Lanes    Bound = "lanes"    // connections × time of a message
	Rate     Bound = "rate"     // the provider's pace
)

// tooEarly says how little is known.
func (w Work) tooEarly(now time.Time) string {
	sent := int64(0)
	if now.After(w.Since) && w.Accepted != nil {
		sent = int64(math.Round(w.Accepted(w.Since, now)))
	}
	switch sent {
	case 0:
		return "too early to say: nothing was accepted so far"
	case 1:
		return "too early to say: 1 message accepted so far"
	}
	return "too early to say: " + count(sent) + " messages accepted so far"
}

// explain says what the end hangs on.
func (w Work) explain(e Estimate, p seen, now time.Time) (Bound, string) {
	bound, words := w.bound(e, p, now)
	switch bound {
	case Rate, Lanes, Greylist, Hand, Hold:
		words += fmt.Sprintf("; %s left", count(e.Left))
	}
	if n := w.rivals(); n > 0 && bound != Retries && bound != Readers {
		words += fmt.Sprintf("; shared with %s by weight", plural(int64(n), "other campaign", "other campaigns"))
	}
	if e.Tail > 0 {
		words += fmt.Sprintf("; all tried by %s, then about %s until %s", clock(e.Sent, now),
			plural(e.Tail, "retry", "retries"), clock(e.Done, now))
	}
	return bound, words
}

func (w Work) bound(e Estimate, p seen, now time.Time) (Bound, string) {
	o := w.Outlook
	switch {
	case o.Held && o.Manual:
		return Hold, "held by hand until " + clock(o.NextKnock, now)
	case o.Held:
		return Hold, fmt.Sprintf("takes nothing since %s; a message asks again at %s, then %s", clock(o.HeldSince, now), clock(o.NextKnock, now), speed(p.rate))
	case w.Ready == 0 && w.first() > 0:
		return Readers, fmt.Sprintf("%s for the time where the readers are, the last at %s",
			plural(w.first(), "message waits", "messages wait"), clock(lastDue(w.Later), now))
	case w.Ready == 0:
		return Retries, fmt.Sprintf("%s for a retry, the last at %s",
			plural(e.Left, "message waits", "messages wait"), clock(lastDue(w.Later), now))
	case len(o.WarmUp) > 0 && e.Done.Sub(now) > time.Hour:
		return WarmUp, "warm-up: " + days(o.WarmUp, e.Left)
	}
	if q, ok := binding(o); ok {
		return Quota, w.windows(q, e.Left, now)
	}
	lanes := float64(o.Lanes) / math.Max(o.Message.Seconds(), 1e-3)
	switch {
	case o.Cap > 0 && o.Cap <= o.Rate && p.rate > 0.7*o.Cap:
		return Hand, "capped by hand at " + speed(o.Cap)
	case o.PutOff > 0:
		return Greylist, fmt.Sprintf("puts off every first message for %s, then takes %s", span(o.PutOff), speed(p.rate))
	case lanes < 0.9*o.Rate && math.Abs(p.rate-lanes) < 0.25*lanes:
		return Lanes, fmt.Sprintf("%s at %.1f s a message: %s", plural(int64(o.Lanes), "lane", "lanes"), o.Message.Seconds(), speed(p.rate))
	case o.SlidingCap > 0:
		return Rate, fmt.Sprintf("takes %s in any %s", count(int64(o.SlidingCap*o.SlidingOver.Seconds())), span(o.SlidingOver))
	}
	return Rate, "takes " + speed(p.rate)
}

// first is how many messages wait to be tried for the first time.
func (w Work) first() (n int64) {
	for _, l := range w.Later {
		if l.First {
			n += l.N
		}
	}
	return n
}

// binding is the slowest confirmed quota below the envelope.
func binding(o pacing.Outlook) (slowest pacing.Quota, ok bool) {
	for _, q := range o.Quotas {
		pace := q.Count / q.Every.Seconds()
		if q.Confirmed && pace < quotaSlower*o.Rate && (!ok || pace < slowest.Count/slowest.Every.Seconds()) {
			slowest, ok = q, true
		}
	}
	return slowest, ok
}

// windows tells the coming windows of a quota: "takes 1,200 per clock hour;
// 3,800 left: 1,150 until 15:00, then at 15:00 and 16:00, and 250 more".
func (w Work) windows(q pacing.Quota, left int64, now time.Time) string {
	words := fmt.Sprintf("takes %s per clock %s", count(int64(q.Count)), windowName(q.Every))
	room := int64(math.Max(q.Count-q.Used, 0))
	per := int64(math.Max(q.Count, 1))
	if w.rivals() > 0 {
		return words
	}
	if left <= room {
		return words + fmt.Sprintf("; the %s left fit into this one", count(left))
	}
	full := (left - room) / per
	if full > 3 {
		return words + fmt.Sprintf("; the %s left take %s more", count(left), plural(full+1, "window", "windows"))
	}
	words += fmt.Sprintf("; %s left: %s until %s", count(left), count(room), clock(q.Ends, now))
	var starts []string
	for i := range full {
		starts = append(starts, clock(q.Ends.Add(time.Duration(i)*q.Every), now))
	}
	if len(starts) > 0 {
		words += fmt.Sprintf(", %s from %s", count(per), strings.Join(starts, ", "))
	}
	if rest := left - room - full*per; rest > 0 {
		words += fmt.Sprintf(", then %s more", count(rest))
	}
	return words
}

// days tells the days of a warm-up until the work is done.
func days(days []float64, left int64) string {
	names := []string{"today", "tomorrow"}
	var told []string
	for i, day := range days {
		n := min(left, int64(day))
		left -= n
		if i < len(names) {
			told = append(told, fmt.Sprintf("%s %s", count(n), names[i]))
		}
		if left <= 0 {
			break
		}
	}
	words := strings.Join(told, ", ")
	if left > 0 || len(days) > len(names) && len(told) == len(names) {
		words += ", more each day"
	}
	return words
}

// rivals is how many other campaigns have mail waiting there.
func (w Work) rivals() (n int) {
	if w.Weight <= 0 {
		return 0
	}
	for _, o := range w.Others {
		if o.Left > 0 {
			n++
		}
	}
	return n
}

// windowName names the width of a window.
func windowName(d time.Duration) string {
	switch d {
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	case 24 * time.Hour:
		return "day"
	}
	return "window of " + span(d)
}

// span writes a length of time: 90 s, 5 min, 2 h.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return strconv.FormatFloat(math.Round(d.Seconds()), 'f', 0, 64) + " s"
	case d < 2*time.Hour:
		return strconv.FormatFloat(math.Round(d.Minutes()), 'f', 0, 64) + " min"
	}
	return strconv.FormatFloat(d.Hours(), 'f', 0, 64) + " h"
}

// speed writes a pace: 12/s, 1.4/s, 33/min, 7/h.
func speed(perSecond float64) string {
	for _, u := range []struct {
		in   float64
		name string
	}{{1, "s"}, {60, "min"}, {3600, "h"}} {
		switch x := perSecond * u.in; {
		case x >= 9.95:
			return count(int64(math.Round(x))) + "/" + u.name
		case x >= 0.95:
			return strconv.FormatFloat(x, 'f', 1, 64) + "/" + u.name
		}
	}
	return "less than 1/h"
}

// clock writes a time of day in UTC, with the day when it is another one.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04")
	case t.Sub(now) < 6*24*time.Hour && t.After(now):
		return t.Format("Mon 15:04")
	}
	return t.Format("2 Jan 15:04")
}

// count writes a number with thousands separators.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
