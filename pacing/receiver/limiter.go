package receiver

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// limiter is one limit at work, with a tally for each key that it has seen.
type limiter struct {
	spec    *Limit
	phase   reply.Phase
	answer  *words
	boxed   *words // while in the penalty box
	course  *course
	rng     *rand.Rand
	tallies map[tallyKey]*tally
	latest  *tally // of the key that was asked for last
}

// tallyKey is what a limit counts together: a source, or a domain or address.
type tallyKey struct {
	source netip.Addr
	text   string
}

// tally is the state of one key at one limit.
type tally struct {
	meter meter
	trust *trust
	box   *box
}

func newLimiter(l *Limit, opaque bool, start time.Time, rng *rand.Rand) *limiter {
	out := &limiter{
		spec:    l,
		phase:   l.phase(),
		course:  newCourse(l, start),
		rng:     rng,
		tallies: map[tallyKey]*tally{},
	}
	answer := l.Answer.over(l.defaultAnswer())
	out.answer = answer.ready(Refusal{}, opaque)
	if l.Penalty != nil {
		out.boxed = l.Penalty.Answer.ready(answer, opaque)
	}
	return out
}

// tally returns the state of the key that a command belongs to.
func (l *limiter) tally(now time.Time, who subject) *tally {
	key := who.key(l.spec.Per)
	if t := l.tallies[key]; t != nil {
		l.latest = t
		return t
	}
	t := &tally{}
	p := pace{course: l.course}
	if l.spec.Trust != nil {
		t.trust = newTrust(l.spec.Trust, l.course.rate, now)
		p.trust = t.trust
	}
	if l.spec.Penalty != nil {
		t.box = newBox(l.spec.Penalty)
	}
	t.meter = newMeter(l.spec, p, l.rng, now)
	l.tallies[key], l.latest = t, t
	return t
}

// ask reports whether one more may pass the meter, and if not, how long until
// it may. The box is not asked.
func (l *limiter) ask(now time.Time, t *tally) (bool, time.Duration) {
	if t.trust != nil {
		t.trust.roll(now)
	}
	ok, wait := t.meter.room(now)
	if !ok && t.box != nil {
		wait = t.box.offend(now)
		t.meter.clear(now)
	}
	return ok, wait
}

// passed counts one that passed all limits of its phase.
func (l *limiter) passed(now time.Time, t *tally) {
	t.meter.count(now)
	if t.trust != nil {
		t.trust.passed++
	}
}

// refused takes note of one that this limit refused.
func (l *limiter) refused(now time.Time, t *tally) {
	if l.spec.CountRefused {
		t.meter.count(now)
	}
	if t.trust != nil {
		t.trust.refused++
	}
}

// boxSpeaksAt reports whether the limit's penalty box refuses at a phase other
// than the limit's own.
func (l *limiter) boxSpeaksAt(phase reply.Phase) bool {
	p := l.spec.Penalty
	return p != nil && p.Answer != nil && p.Answer.Phase == phase
}

// onAcceptance reports whether the limit counts accepted messages instead of
// the commands of its phase.
func (l *limiter) onAcceptance() bool {
	return l.phase == reply.PhaseConnect && l.spec.Counts != Connections
}

// rate is the hidden limit now for the key that was asked for last, per second.
func (l *limiter) rate(now time.Time) float64 {
	r := l.course.rate(now)
	if l.latest != nil && l.latest.trust != nil {
		r *= l.latest.trust.factor
	}
	return r
}

// Defaults of [Penalty]: the box of the benchmark's penalty receiver.
const (
	boxMax    = time.Hour
	boxForget = time.Hour
)

// box is a penalty box for one key.
type box struct {
	spec        Penalty
	until       time.Time
	stay        time.Duration
	lastOffence time.Time
}

func newBox(spec *Penalty) *box {
	b := &box{spec: *spec}
	b.spec.Max = orElse(spec.Max, boxMax)
	b.spec.Forget = orElse(spec.Forget, boxForget)
	return b
}

// closed reports whether the key is in the box, and for how much longer. A
// knock starts the stay again where the box says so.
func (b *box) closed(now time.Time) (bool, time.Duration) {
	if !now.Before(b.until) {
		return false, 0
	}
	if b.spec.Extend {
		b.until = now.Add(b.stay)
	}
	return true, b.until.Sub(now)
}

// offend puts the key into the box and returns for how long.
func (b *box) offend(now time.Time) time.Duration {
	again := b.stay > 0 && now.Sub(b.lastOffence) <= b.spec.Forget
	switch {
	case again && b.spec.Double:
		b.stay = min(max(b.spec.Max, b.spec.Block), 2*b.stay)
	default:
		b.stay = b.spec.Block
	}
	b.lastOffence = now
	b.until = now.Add(b.stay)
	return b.stay
}
