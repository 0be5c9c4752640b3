package pacing

import (
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// Knocking faster than the first delay never paid in any simulated run;
// knocking slower loses the end of short blocks.
func firstDelay(c reply.Class) float64 {
	switch c {
	case reply.ClassReputation:
		return 120
	case reply.ClassBlocklist, reply.ClassAuth:
		return 3600
	case reply.ClassOutage, reply.ClassNetwork:
		return 10
	}
	return 5
}

// outageLongest is the longest delay of an outage, in seconds: nobody is hurt
// by one message in so long, and what waits is wanted soon after they are up.
const outageLongest = 90

// longestDelay returns the ceiling of the delay after being held for so many
// seconds, and its growth per refused knock.
func longestDelay(c reply.Class, held float64) (most, growth float64) {
	switch c {
	case reply.ClassReputation, reply.ClassBlocklist, reply.ClassAuth:
		return min(4*3600, max(600, 0.5*held)), 2
	case reply.ClassOutage, reply.ClassNetwork:
		return outageLongest, 1.6
	}
	return min(3600, max(300, 0.4*held)), 1.6
}

// clocks are the windows, in seconds, on which receivers count: limits are
// written per minute, per quarter of an hour, per day.
var clocks = [...]float64{60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400}

// knockTime is when to knock next. Most blocks end on a clock boundary: the
// knock moves to the roundest one between 0.4 and 1.6 delays from now. A
// sliding window gives back from one window after the run's first message, and
// a block of fixed length ends so long after it began; if such a moment comes
// first, it is taken. Reputation and outages know no clock.
func (t *turn) knockTime() moment {
	h := &t.Hold
	after := t.now.plus(h.Delay * t.jitter(0.95, 1.05))
	if !t.has(Clocks) || h.flaps() {
		return after
	}
	if h.Class == reply.ClassReputation {
		return t.blockEnds(after)
	}
	if !byClock(h.Class) {
		return after
	}
	if b := roundest(t.now, h.Delay); b > 0 {
		after = b.plus(t.jitter(1.5, 2.5))
	}
	for _, from := range []moment{h.Run, h.Since} {
		if s := t.runsOut(from, after); s > 0 {
			return s
		}
	}
	return after
}

// blockEnds returns the moment near a delay at which a block of usual length ends
// that began with this hold: such a penalty knows no clock, but is rarely of 9
// minutes 50.
func (t *turn) blockEnds(after moment) moment {
	h := &t.Hold
	for _, span := range clocks {
		s := h.Since.plus(span + t.jitter(1.5, 3))
		if s > t.now.plus(0.6*h.Delay) && s < t.now.plus(1.4*h.Delay) {
			return s
		}
	}
	return after
}

// blockLasts is the silence to keep in a block like the one that took so long: its
// usual length where the knocks before and the one that passed leave one, else what
// was silence in the end.
func (t *turn) blockLasts(took, silence float64) float64 {
	if h := &t.Hold; h.Class == reply.ClassReputation && t.has(Clocks) {
		for _, span := range clocks {
			if span > h.Refused.since(h.Since) && span <= took {
				return span
			}
		}
	}
	return silence
}

func byClock(c reply.Class) bool {
	switch c {
	case reply.ClassReputation, reply.ClassBlocklist, reply.ClassAuth, reply.ClassOutage, reply.ClassNetwork:
		return false
	}
	return true
}

// roundest returns the boundary of the largest clock within reach, or 0.
func roundest(now moment, delay float64) moment {
	for i := len(clocks) - 1; i >= 0; i-- {
		b := moment(math.Ceil((float64(now)+0.4*delay)/clocks[i]) * clocks[i])
		if b <= now.plus(1.6*delay) && b > now.plus(1) {
			return b
		}
	}
	return 0
}

// runsOut returns the moment within reach, but before another, at which the
// longest usual span ends that began at a third; 0 when there is none.
func (t *turn) runsOut(from, before moment) moment {
	h := &t.Hold
	if from == 0 {
		return 0
	}
	for i := len(clocks) - 1; i >= 0; i-- {
		s := from.plus(clocks[i] + 2)
		if s > t.now.plus(max(1, 0.4*h.Delay)) && s < before {
			return s
		}
	}
	return 0
}
