package receiver

import (
	"math"
	"time"
)

// course is the rate of one limit over time, trust apart.
type course struct {
	limit *Limit
	start time.Time
	zones []*time.Location // of the squeezes, in order
}

func newCourse(l *Limit, start time.Time) *course {
	c := &course{limit: l, start: start}
	for _, s := range l.Squeezes {
		c.zones = append(c.zones, location(s.Zone))
	}
	return c
}

// steady reports whether the rate never changes.
func (c *course) steady() bool {
	return len(c.limit.Schedule) == 0 && c.limit.Wave == nil && len(c.limit.Squeezes) == 0
}

// rate returns the rate in force at a time, per second.
func (c *course) rate(at time.Time) float64 {
	r := c.limit.rate()
	t := at.Sub(c.start)
	for _, s := range c.limit.Schedule {
		if t >= s.After {
			r = float64(s.Rate)
		}
	}
	if w := c.limit.Wave; w != nil {
		turn := (t - w.Shift).Seconds() / w.Period.Seconds()
		r = max(0, r+float64(w.Amplitude)*math.Cos(2*math.Pi*turn))
	}
	for i, s := range c.limit.Squeezes {
		if intoWindow(at.Add(-s.At), s.Every, c.zones[i]) < s.For {
			r = min(r, float64(s.Rate))
		}
	}
	return r
}

// waveStep is how long a swinging rate is taken for constant. Ten seconds of
// the steepest wave that a test uses (8/s in 3 h) are 0.05/s.
const waveStep = 10 * time.Second

// next returns a time after at before which the rate does not change.
func (c *course) next(at time.Time) time.Time {
	next := at.Add(24 * time.Hour)
	sooner := func(t time.Time) {
		if t.After(at) && t.Before(next) {
			next = t
		}
	}
	for _, s := range c.limit.Schedule {
		sooner(c.start.Add(s.After))
	}
	if c.limit.Wave != nil {
		sooner(at.Add(waveStep))
	}
	for i, s := range c.limit.Squeezes {
		into := intoWindow(at.Add(-s.At), s.Every, c.zones[i])
		sooner(at.Add(s.For - into))
		sooner(at.Add(s.Every - into))
	}
	return next
}

// window returns the number of the window of length every, cut from local
// midnight, that holds at, and how far at is into it.
func window(at time.Time, every time.Duration, zone *time.Location) (number int64, into time.Duration) {
	local := at.UnixNano()
	if zone != time.UTC {
		_, offset := at.In(zone).Zone()
		local += int64(offset) * int64(time.Second)
	}
	number = local / int64(every)
	into = time.Duration(local % int64(every))
	if into < 0 { // before 1970
		number, into = number-1, into+every
	}
	return number, into
}

func intoWindow(at time.Time, every time.Duration, zone *time.Location) time.Duration {
	_, into := window(at, every, zone)
	return into
}

// location loads a zone that [Spec.Check] has found good; an unknown one is UTC.
func location(name string) *time.Location {
	if name == "" || name == "UTC" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
