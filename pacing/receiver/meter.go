package receiver

import (
	"math"
	"math/rand/v2"
	"time"
)

// meter counts for one limit and one key.
type meter interface {
	// room reports whether one more may pass, and if not, after how long one may.
	room(now time.Time) (bool, time.Duration)
	// count takes note of one that passed, or that was refused and counts all the same.
	count(now time.Time)
	// clear forgets what was counted, when an offender goes into the box.
	clear(now time.Time)
}

// newMeter makes the meter of a limit; pace is the limit's rate over time.
func newMeter(l *Limit, pace pace, rng *rand.Rand, now time.Time) meter {
	switch {
	case l.Bucket != nil:
		return newBucket(l.Bucket, pace, now)
	case l.Clock != nil:
		return &clockWindow{spec: l.Clock, escalate: l.Escalate, pace: pace, zone: location(l.Clock.Zone)}
	case l.Sliding != nil:
		return &slidingWindow{spec: l.Sliding, pace: pace}
	default:
		return &shedder{spec: l.Shed, pace: pace, rng: rng}
	}
}

// pace is the rate of a limit over time for one key: its course times the trust
// that the key has earned.
type pace struct {
	*course
	trust *trust
}

func (p pace) rate(at time.Time) float64 {
	r := p.course.rate(at)
	if p.trust != nil {
		r *= p.trust.factor
	}
	return r
}

// bucket is a token bucket whose rate may change.
type bucket struct {
	spec  *Bucket
	pace  pace
	level float64
	at    time.Time // when level was right
}

func newBucket(spec *Bucket, pace pace, now time.Time) *bucket {
	b := &bucket{spec: spec, pace: pace, at: now}
	b.level = b.capacity(pace.rate(now))
	return b
}

func (b *bucket) capacity(rate float64) float64 {
	return max(1, b.spec.Burst, rate*b.spec.BurstTime.Seconds())
}

// advance refills the bucket up to now, piece by piece where the rate changes.
func (b *bucket) advance(now time.Time) {
	for b.at.Before(now) {
		end := now
		if !b.pace.steady() {
			if next := b.pace.next(b.at); next.Before(now) {
				end = next
			}
		}
		rate := b.pace.rate(b.at)
		b.level = min(b.capacity(rate), b.level+rate*end.Sub(b.at).Seconds())
		b.at = end
	}
	b.level = min(b.level, b.capacity(b.pace.rate(now)))
}

// enough makes up for rounding when a token comes due exactly now.
const enough = 1 - 1e-9

func (b *bucket) room(now time.Time) (bool, time.Duration) {
	b.advance(now)
	if b.level >= enough {
		return true, 0
	}
	rate := b.pace.rate(now)
	if rate <= 0 {
		return false, time.Hour
	}
	return false, seconds((1 - b.level) / rate)
}

func (b *bucket) count(now time.Time) {
	b.advance(now)
	b.level = max(b.level-1, -b.capacity(b.pace.rate(now)))
}

func (b *bucket) clear(time.Time) {}

// clockWindow counts in windows aligned to the clock or to the first arrival.
type clockWindow struct {
	spec     *Clock
	escalate *Escalate
	pace     pace
	zone     *time.Location

	number   int64 // of the running window
	counted  int
	attempts int
	blocked  int64     // windows before this number are blocked by Escalate
	began    time.Time // of an anchored window
}

func (w *clockWindow) roll(now time.Time) (into time.Duration) {
	number, into := window(now, w.spec.Every, w.zone)
	if w.spec.Anchored {
		if number = w.number; w.began.IsZero() || now.Sub(w.began) >= w.spec.Every {
			number, w.began = w.number+1, now
		}
		into = now.Sub(w.began)
	}
	if number != w.number {
		w.number, w.counted, w.attempts = number, 0, 0
	}
	return into
}

func (w *clockWindow) room(now time.Time) (bool, time.Duration) {
	into := w.roll(now)
	w.attempts++
	if e := w.escalate; e != nil && w.attempts > e.Attempts {
		w.blocked = max(w.blocked, w.number+1+int64(max(1, e.Windows)))
	}
	if w.number < w.blocked {
		return false, time.Duration(w.blocked-w.number)*w.spec.Every - into
	}
	if float64(w.counted) >= math.Round(w.pace.rate(now)*w.spec.Every.Seconds()) {
		return false, w.spec.Every - into
	}
	return true, 0
}

func (w *clockWindow) count(now time.Time) {
	w.roll(now)
	w.counted++
}

func (w *clockWindow) clear(time.Time) {}

// slidingWindow counts in the time just past.
type slidingWindow struct {
	spec *Sliding
	pace pace
	past queue
}

func (w *slidingWindow) room(now time.Time) (bool, time.Duration) {
	w.past.dropUntil(now.Add(-w.spec.Over))
	count := int(math.Round(w.pace.rate(now) * w.spec.Over.Seconds()))
	if w.past.len() < count {
		return true, 0
	}
	if count == 0 {
		return false, time.Hour
	}
	return false, w.past.at(w.past.len() - count).Add(w.spec.Over).Sub(now)
}

func (w *slidingWindow) count(now time.Time) { w.past.push(now) }
func (w *slidingWindow) clear(time.Time)     { w.past.clear() }

// shedder refuses the share of the load that is above its rate.
type shedder struct {
	spec *Shed
	pace pace
	rng  *rand.Rand
	past queue // everything offered
}

func (s *shedder) room(now time.Time) (bool, time.Duration) {
	s.past.dropUntil(now.Add(-s.spec.Over))
	s.past.push(now)
	offered := float64(s.past.len()) / s.spec.Over.Seconds()
	return s.rng.Float64()*offered < s.pace.rate(now), s.spec.Over
}

func (s *shedder) count(time.Time) {}
func (s *shedder) clear(time.Time) { s.past.clear() }

// queue holds times in ascending order; what is dropped is reused.
type queue struct {
	times []time.Time
	first int
}

func (q *queue) len() int           { return len(q.times) - q.first }
func (q *queue) at(i int) time.Time { return q.times[q.first+i] }
func (q *queue) clear()             { q.times, q.first = q.times[:0], 0 }

func (q *queue) push(t time.Time) {
	if q.first > 64 && q.first > len(q.times)/2 {
		q.times = append(q.times[:0], q.times[q.first:]...)
		q.first = 0
	}
	q.times = append(q.times, t)
}

// dropUntil forgets the times up to and including t.
func (q *queue) dropUntil(t time.Time) {
	for q.first < len(q.times) && !q.times[q.first].After(t) {
		q.first++
	}
}

// seconds turns seconds into a duration without overflow.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 1e9) * float64(time.Second))
}
