package estimate

import (
	"math"
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// course is the pace ahead, walked along in time: how many messages pass
// until when. Seconds count from now.
type course struct {
	at       float64 // how far it was walked
	base     float64 // messages per second where nothing else limits
	from     float64 // nothing passes before
	quotas   []meter
	warm     []float64 // what the days allow, today first
	midnight float64   // the end of today
	daily    float64   // messages per second that spread the day; 0: not worked out yet
}

// meter is a quota in its running window.
type meter struct {
	every, count float64
	left, ends   float64
}

const (
	// longest is how far ahead anything is foreseen: what would take longer
	// is said to take longer than that.
	longest = 90 * 24 * 3600.0

	// walkMost bounds the windows walked through one by one; what is left is
	// then extended in proportion.
	walkMost = 20_000

	// quotaSlower is the share of the envelope below which a quota binds.
	quotaSlower = 0.95

	// warmHours is the least number of hours that a warm-up spreads a day over.
	warmHours = 8
)

// newCourse reads the course ahead at a base rate that past seconds showed.
//
// A quota that is slower than the envelope is the pace, and the base says
// nothing about how fast it is used up. What went through in a window is
// believed more than the quota once three of them were seen: a quota is tried
// upwards now and then.
func newCourse(o pacing.Outlook, base, past, patience float64, now time.Time) course {
	c := course{base: base, warm: slices.Clone(o.WarmUp)}
	switch {
	case o.Held:
		c.from = holdEnd(o, patience, now)
	case o.PausedUntil.After(now):
		c.from = o.PausedUntil.Sub(now).Seconds()
	}
	for _, q := range o.Quotas {
		every := q.Every.Seconds()
		if !q.Confirmed || q.Count/every >= quotaSlower*o.Rate {
			continue
		}
		c.base = max(c.base, o.Rate)
		m := meter{every: every, count: q.Count, left: q.Count - q.Used, ends: q.Ends.Sub(now).Seconds()}
		if past >= 3*every {
			m.count = min(m.count, base*every)
			m.left = min(m.left, m.count)
		}
		c.quotas = append(c.quotas, m)
	}
	c.midnight = now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now).Seconds()
	if o.Cap > 0 {
		c.base = min(c.base, o.Cap)
	}
	c.base = max(c.base, 1e-6)
	return c
}

// holdEnd is when a hold will end, in seconds from now: with its next knock if
// it is young. Nobody knows how long a block lasts; what it has lasted so far,
// times a patience, is the best measure there is.
func holdEnd(o pacing.Outlook, patience float64, now time.Time) float64 {
	knock := max(o.NextKnock.Sub(now).Seconds(), 0)
	if o.Manual {
		return knock
	}
	return max(knock, patience*now.Sub(o.HeldSince).Seconds())
}

// limit is the rate in force where the course stands, and until when at most.
func (c *course) limit() (rate, until float64) {
	if c.at < c.from {
		return 0, c.from
	}
	rate, until = c.base, longest
	for i := range c.quotas {
		q := &c.quotas[i]
		if c.at >= q.ends {
			windows := math.Floor((c.at-q.ends)/q.every) + 1
			q.ends += windows * q.every
			q.left = q.count
		}
		until = min(until, q.ends)
		if q.left < 1 {
			rate = 0
			continue
		}
		rate = min(rate, q.left/max(q.ends-c.at, 1))
	}
	c.rollDays()
	if len(c.warm) > 0 {
		until = min(until, c.midnight)
		switch day := c.warm[0]; {
		case day < 1:
			rate = 0
		default:
			if c.daily == 0 {
				c.daily = max(day/(warmHours*3600), day/max(c.midnight-c.at, 1))
			}
			rate = min(rate, c.daily)
			until = min(until, c.at+day/rate)
		}
	}
	return rate, until
}

// rollDays ends the days of a warm-up that have passed.
func (c *course) rollDays() {
	for c.at >= c.midnight {
		c.midnight, c.daily = c.midnight+24*3600, 0
		if len(c.warm) > 0 {
			c.warm = c.warm[1:]
		}
	}
}

// pass lets n messages through and returns when the last of them has passed,
// or the longest time that is foreseen.
func (c *course) pass(n float64) float64 {
	began, all := c.at, n
	for step := 0; n > 1e-9 && c.at < longest; step++ {
		if step == walkMost && all > n {
			c.at += (c.at - began) * n / (all - n)
			break
		}
		rate, until := c.limit()
		if until <= c.at {
			until = c.at + 1e-3
		}
		room := rate * (until - c.at)
		if room >= n {
			c.use(n)
			c.at += n / rate
			return c.at
		}
		c.use(room)
		n -= room
		c.at = until
	}
	c.at = min(c.at, longest)
	return c.at
}

func (c *course) use(n float64) {
	for i := range c.quotas {
		c.quotas[i].left -= n
	}
	if len(c.warm) > 0 {
		c.warm[0] -= n
	}
}

// wait goes on to a time at which mail becomes due.
func (c *course) wait(until float64) { c.at = max(c.at, until) }
