package service

import (
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// StateWords names the state of a campaign for people. One that is being sent may
// be outside its window.
func StateWords(c postgres.Campaign, at time.Time) string {
	if !ClosedUntil(c, at).IsZero() {
		return "Outside its window"
	}
	return c.State.Words(c.Counters)
}

// ClosedUntil returns when the window of a campaign opens that is being sent, and
// outside it now; zero for all others.
func ClosedUntil(c postgres.Campaign, at time.Time) time.Time {
	if c.State != campaign.Sending || c.Settings.Window.IsZero() {
		return time.Time{}
	}
	if opens := c.Settings.Window.Hours().Opens(at); opens.After(at) {
		return opens
	}
	return time.Time{}
}

// rateWords writes messages per second so that a person can read them, and so
// that [ParseRate] reads them again: 12/s, 1.4/s or, when slower, 24/min, 30/h.
func rateWords(perSecond float64) string {
	number := func(v float64, digits int) string {
		return strconv.FormatFloat(v, 'f', digits, 64)
	}
	switch {
	case perSecond >= 10:
		return number(perSecond, 0) + "/s"
	case perSecond >= 1:
		return number(perSecond, 1) + "/s"
	case perSecond >= 1.0/60:
		return number(perSecond*60, 1) + "/min"
	}
	return number(perSecond*3600, 1) + "/h"
}

// untilWords writes a time in UTC, with the day when it is not today's.
func untilWords(t, at time.Time) string {
	t, at = t.UTC(), at.UTC()
	if t.Format(time.DateOnly) == at.Format(time.DateOnly) {
		return t.Format("15:04 UTC")
	}
	return t.Format("Mon 2 Jan 15:04 UTC")
}
