package pacing

import (
	"fmt"
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// warmup is a ceiling that rises day by day while a source is new to a
// provider. Receivers that grow trust reward exactly this: little mail at
// first, evenly sent, hardly ever refused.
//
// Permits are the least of the envelope and what the day still allows. A day
// counts when most of its cap was sent; it is promoted when it was clean,
// repeated when it was not quite, and taken back when it was bad.
type warmup struct {
	Day     int     `json:"day,omitzero"`     // step of the ladder, from 1; 0: no warm-up, or finished
	Date    int64   `json:"date,omitzero"`    // number of the running UTC day
	Last    int64   `json:"last,omitzero"`    // last day with mail
	Sent    float64 `json:"sent,omitzero"`    // accepted today
	Hour    float64 `json:"hour,omitzero"`    // accepted in the running hour
	Refused float64 `json:"refused,omitzero"` // throttled today
	Blamed  float64 `json:"blamed,omitzero"`  // complaints today
	Spoilt  bool    `json:"spoilt,omitempty"` // reputation was named today
	Done    bool    `json:"done,omitempty"`   // grown up

	Cap   float64 `json:"cap,omitzero"`   // messages per second that the hour still allows
	Until moment  `json:"until,omitzero"` // nothing before
}

// The ladder is the common shape of published warm-up plans: SendGrid grows
// ×1.4 a day from small numbers, SES takes 45 days to 50,000.
const (
	warmFirst    = 50
	warmDays     = 45
	warmGrownUp  = 200_000 // messages a day from which on nothing is held back
	warmHour     = 1.0 / 8 // of a day's cap in one hour at most
	warmUsed     = 0.6     // of the cap must have been sent for a day to count
	warmClean    = 0.005   // throttled share up to which a day is promoted
	warmBad      = 0.02    // … above which it is taken back
	warmBlamed   = 0.001   // complaint share up to which a day is promoted
	warmIdle     = 30      // days of silence that halve what was reached
	warmIdleLong = 90      // … after which the ladder starts again
)

// warmCap is how many messages the n-th day allows.
func warmCap(day int) float64 {
	n := float64(warmFirst)
	for range day - 1 {
		switch {
		case n < 1000:
			n *= 1.4
		case n < 10_000:
			n *= 1.3
		default:
			n *= 1.25
		}
	}
	return math.Round(n)
}

func dayOf(at moment) int64 { return int64(math.Floor(float64(at) / 86400)) }

// runWarmup rolls the day and works out what it still allows.
func (t *turn) runWarmup() {
	w := &t.Warmup
	w.Cap, w.Until = 0, 0
	if !t.Profile.WarmUp || w.Done {
		return
	}
	if w.Day == 0 {
		w.Day, w.Date, w.Last = 1, dayOf(t.now), dayOf(t.now)
	}
	if today := dayOf(t.now); today != w.Date {
		t.rollWarmup(today)
	}
	hourEnd := (math.Floor(float64(t.now)/3600) + 1) * 3600
	hour := t.History.between(moment(hourEnd-3600), moment(hourEnd))
	day := warmCap(w.Day)
	left := min(day-w.Sent, max(1, day*warmHour)-hour)
	switch {
	case day-w.Sent < 1:
		w.Until = moment(float64(w.Date+1) * 86400)
	case left < 1:
		w.Until = moment(hourEnd)
	default:
		w.Cap = max(slowest, left/max(hourEnd-float64(t.now), 1))
	}
}

// rollWarmup judges the day that is over.
func (t *turn) rollWarmup(today int64) {
	w := &t.Warmup
	was := w.Day
	idle := today - w.Last
	refused, blamed := w.Refused/max(w.Sent+w.Refused, 1), w.Blamed/max(w.Sent, 1)
	reason := "not used enough to judge"
	switch {
	case idle >= warmIdleLong:
		w.Day, reason = 1, fmt.Sprintf("no mail for %d days", idle)
	case idle >= warmIdle:
		reason = fmt.Sprintf("no mail for %d days", idle)
		for w.Day > 1 && warmCap(w.Day) > warmCap(was)/2 {
			w.Day--
		}
	case w.Spoilt || refused > warmBad:
		w.Day = max(1, w.Day-1)
		reason = fmt.Sprintf("%.1f %% were throttled", 100*refused)
	case w.Sent < warmUsed*warmCap(w.Day):
	case refused <= warmClean && blamed <= warmBlamed:
		w.Day++
		reason = "a clean day"
	default:
		reason = fmt.Sprintf("%.1f %% were throttled, %.2f %% complained", 100*refused, 100*blamed)
	}
	w.Done = w.Day > warmDays || warmCap(w.Day) >= warmGrownUp
	w.Date, w.Sent, w.Refused, w.Blamed, w.Spoilt = today, 0, 0, 0, false
	if w.Day != was {
		t.decide(Warmed, warmCap(was), warmCap(w.Day), fmt.Sprintf("warm-up: %s; at most %.0f messages today", reason, warmCap(w.Day)))
	}
}

// warmed counts an event for the day.
func (t *turn) warmed(e Event) {
	w := &t.Warmup
	if !t.Profile.WarmUp || w.Done {
		return
	}
	switch e.Kind {
	case Accepted:
		w.Sent += e.count()
		w.Last = w.Date
	case Complained:
		w.Blamed += e.count()
	case Refused, OpenRefused:
		switch e.Meaning.Class {
		case reply.ClassReputation, reply.ClassBlocklist:
			w.Refused++
			w.Spoilt = true
		case reply.ClassRate, reply.ClassQuota, reply.ClassUnknown:
			w.Refused++
		}
	}
}
