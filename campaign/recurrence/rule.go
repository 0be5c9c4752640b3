package recurrence

import (
	"time"

	"github.com/teambition/rrule-go"

	"github.com/headwaymail/headway/campaign"
)

// farthest is how many years after its start a rule is followed.
const farthest = 50

// Rule says when a campaign repeats. It is safe to use at once from several
// goroutines.
type Rule struct {
	text   string
	parts  map[string]string
	start  time.Time // on the wall, as if it were UTC
	until  time.Time // the same; zero: never
	zone   *time.Location
	name   string // of the zone
	option rrule.ROption
	rule   *rrule.RRule
}

// String returns the rule as RFC 5545 writes it, without "RRULE:".
func (r *Rule) String() string { return r.text }

// Zone returns the name of the rule's time zone.
func (r *Rule) Zone() string { return r.name }

// After returns the next runs after t, at most n; fewer where the rule ends.
func (r *Rule) After(t time.Time, n int) []time.Time {
	var runs []time.Time
	r.each(func(run time.Time) bool {
		if run.After(t) {
			runs = append(runs, run)
		}
		return len(runs) < n
	})
	return runs
}

// Upto returns the runs from the moment first on up to last, both included.
func (r *Rule) Upto(first, last time.Time) []time.Time {
	var runs []time.Time
	r.each(func(run time.Time) bool {
		if run.After(last) {
			return false
		}
		if !run.Before(first) {
			runs = append(runs, run)
		}
		return true
	})
	return runs
}

// each calls f with the runs in their order until it returns false.
func (r *Rule) each(f func(time.Time) bool) {
	next := r.rule.Iterator()
	for {
		day, ok := next()
		if !ok || !f(moment(day, r.zone)) {
			return
		}
	}
}

// Moved returns what is to a run as t was to another one, on the clock on the
// wall: five o'clock on the same day, the day after at noon.
func (r *Rule) Moved(t, from, to time.Time) time.Time {
	distance := wall(t, r.zone).Sub(wall(from, r.zone))
	return moment(wall(to, r.zone).Add(distance), r.zone)
}

// Terms are the terms of a run: times that belong to the first run, such as the
// one to finish by, are moved to this one.
func (r *Rule) Terms(s campaign.Settings, run time.Time) campaign.Settings {
	first := r.After(moment(r.start, r.zone).Add(-time.Second), 1)
	for _, t := range []*time.Time{&s.FinishBy, &s.StopBy} {
		if !t.IsZero() && len(first) > 0 {
			*t = r.Moved(*t, first[0], run).UTC()
		}
	}
	return s
}

// wall returns what the clock in a zone shows at a moment, as if it were UTC.
func wall(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// moment returns when the clock in a zone shows a time. Of a time that it shows
// twice, the first is meant; one that it skips is counted with the offset before
// the gap, so that 02:30 becomes 03:30 (RFC 5545, 3.3.10 with 3.3.5).
func moment(shown time.Time, zone *time.Location) time.Time {
	const day = 24 * time.Hour
	_, before := shown.Add(-day).In(zone).Zone()
	_, after := shown.Add(day).In(zone).Zone()
	first := shown.Add(-time.Duration(before) * time.Second)
	if second := shown.Add(-time.Duration(after) * time.Second); !wall(first, zone).Equal(shown) && wall(second, zone).Equal(shown) {
		return second
	}
	return first
}
