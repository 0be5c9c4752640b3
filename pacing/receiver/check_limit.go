package receiver

import (
	"fmt"
	"slices"

	"github.com/headwaymail/headway/pacing/reply"
)

func (c *checker) limit(path string, l *Limit) {
	oneOf(c, path+".counts", l.Counts, Messages, Recipients, Connections)
	oneOf(c, path+".per", l.Per, PerSource, PerSendingDomain, PerRecipient, PerAll)
	if !c.kind(path, l) {
		return
	}
	c.answer(path+".answer", l.Answer, l.allowedPhases()...)
	c.key(path, l)
	c.coursePoints(path, l)
	if l.Trust != nil {
		c.trust(path+".trust", l)
	}
	if l.Penalty != nil {
		c.penalty(path+".penalty", l)
	}
	if e := l.Escalate; e != nil {
		switch {
		case l.Clock == nil:
			c.fault(path+".escalate", "needs a clock window")
		case e.Attempts < l.Clock.Count:
			c.fault(path+".escalate.attempts", "must be at least the count of the window, %d", l.Clock.Count)
		case e.Windows < 0:
			c.fault(path+".escalate.windows", "must not be negative")
		}
	}
}

// kind checks that the limit counts in exactly one way, and that way.
func (c *checker) kind(path string, l *Limit) bool {
	kinds := 0
	if b := l.Bucket; b != nil {
		kinds++
		if b.Rate <= 0 {
			c.fault(path+".bucket.rate", "must be more than 0; write e.g. 10/s or 120/min")
		}
		if b.Burst != 0 && b.Burst < 1 {
			c.fault(path+".bucket.burst", "must be at least 1, or left out")
		}
		c.notNegative(path+".bucket.burst_time", b.BurstTime)
	}
	if w := l.Clock; w != nil {
		kinds++
		if w.Count < 1 {
			c.fault(path+".clock.count", "must be at least 1")
		}
		c.divides(path+".clock.every", w.Every)
		c.zone(path+".clock.zone", w.Zone)
	}
	if w := l.Sliding; w != nil {
		kinds++
		if w.Count < 1 {
			c.fault(path+".sliding.count", "must be at least 1")
		}
		c.positive(path+".sliding.over", w.Over, "15m")
	}
	if s := l.Shed; s != nil {
		kinds++
		if s.Rate <= 0 {
			c.fault(path+".shed.rate", "must be more than 0; write e.g. 10/s or 120/min")
		}
		c.positive(path+".shed.over", s.Over, "30s")
	}
	if kinds != 1 {
		c.fault(path, "has %d of bucket, clock, sliding and shed; write exactly one", kinds)
	}
	return kinds == 1
}

// allowedPhases are those at which a limit with this unit can speak.
func (l *Limit) allowedPhases() []reply.Phase {
	switch l.Counts {
	case Connections:
		return []reply.Phase{reply.PhaseConnect}
	case Recipients:
		return []reply.Phase{reply.PhaseRcpt}
	}
	return phases
}

// key checks that what the limit counts by is known when it, and its box, speak.
func (c *checker) key(path string, l *Limit) {
	speaks := []reply.Phase{l.phase()}
	if l.Penalty != nil && l.Penalty.Answer != nil && l.Penalty.Answer.Phase != "" {
		speaks = append(speaks, l.Penalty.Answer.Phase)
	}
	known := phases
	switch l.Per {
	case PerSendingDomain:
		known = phases[1:]
	case PerRecipient:
		known = phases[2:]
	}
	for _, p := range speaks {
		if !slices.Contains(known, p) {
			c.fault(path+".per", "%s is not known yet at phase %s; let the limit speak from phase %s on", l.Per, p, known[0])
		}
	}
}

// coursePoints checks how the rate changes over time.
func (c *checker) coursePoints(path string, l *Limit) {
	for i, s := range l.Schedule {
		at := fmt.Sprintf("%s.schedule[%d]", path, i)
		c.notNegative(at+".after", s.After)
		if i > 0 && s.After <= l.Schedule[i-1].After {
			c.fault(at+".after", "must be later than that of the step before, %s", l.Schedule[i-1].After)
		}
		if s.Rate < 0 {
			c.fault(at+".rate", "must not be negative")
		}
	}
	if w := l.Wave; w != nil {
		c.positive(path+".wave.period", w.Period, "3h")
		if w.Amplitude <= 0 {
			c.fault(path+".wave.amplitude", "must be more than 0; write e.g. 8/s")
		}
	}
	for i, s := range l.Squeezes {
		at := fmt.Sprintf("%s.squeezes[%d]", path, i)
		c.divides(at+".every", s.Every)
		c.zone(at+".zone", s.Zone)
		if s.For <= 0 || s.For >= s.Every {
			c.fault(at+".for", "must be longer than 0 and shorter than every (%s)", s.Every)
		}
		if s.At < 0 || s.At >= s.Every {
			c.fault(at+".at", "must be from 0 to less than every (%s)", s.Every)
		}
		if s.Rate < 0 {
			c.fault(at+".rate", "must not be negative")
		}
	}
}

func (c *checker) trust(path string, l *Limit) {
	t := l.Trust
	if (t.Every > 0) == (t.Messages > 0) {
		c.fault(path, "needs the length of a period: every (a time) or messages (a number), one of the two")
	}
	if t.Grow != 0 && t.Grow <= 1 {
		c.fault(path+".grow", "is %g; the factor after a clean period must be more than 1", t.Grow)
	}
	c.within(path+".shrink", t.Shrink, 0, 1)
	if float64(t.Max) <= l.rate() {
		c.fault(path+".max", "must be more than the limit's own rate, %.4g/s", l.rate())
	}
	if orElse(t.Clean, trustClean) > orElse(t.Dirty, trustDirty) {
		c.fault(path+".clean", "must not be more than dirty")
	}
}

func (c *checker) penalty(path string, l *Limit) {
	p := l.Penalty
	c.positive(path+".block", p.Block, "120s")
	c.notNegative(path+".forget", p.Forget)
	if p.Max != 0 && p.Max < p.Block {
		c.fault(path+".max", "is shorter than block (%s)", p.Block)
	}
	if p.Max != 0 && !p.Double {
		c.fault(path+".max", "has no effect without double: true")
	}
	c.answer(path+".answer", p.Answer, phases...)
}
