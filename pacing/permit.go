package pacing

import (
	"math"
	"time"
)

// permits is the actuator: a generic cell rate algorithm. One number, the
// theoretical arrival time of the next message, grants every slot exactly
// once, however many nodes take from it.
type permits struct {
	Next moment `json:"next"` // the next slot
}

// Block is a number of permits: slot i, from 0, may be used at First +
// i×Interval or later. Slots in the past may be used at once: that is the
// burst.
type Block struct {
	First    time.Time
	Interval time.Duration
	N        int

	// Probe marks the half-open permit of a hold; the event that tells its
	// outcome must carry the mark.
	Probe bool

	// Untried asks for a knock by a message that was never tried, where there is
	// one: who was put off before may be put off again for a reason of its own.
	Untried bool

	// Version is the state's when the permits were cut. They lapse when the
	// state has a higher one.
	Version int
}

// Slot returns when permit i may be used.
func (b Block) Slot(i int) time.Time { return b.First.Add(time.Duration(i) * b.Interval) }

// burst is how many messages may start at once after a silence: a tenth of a
// second's worth, at most 5, so that a limiter that counts by the second sees
// an even stream.
func burst(r float64) float64 { return clamp(r/10, 1, 5) }

// Take grants up to want messages that may start between now and
// now+horizon, and books them in the state it returns. During a pause or a
// hold it grants nothing; when a knock is due, exactly one taker gets the
// half-open permit.
func Take(s State, want int, now time.Time, horizon time.Duration) (State, Block) {
	t := begin(&s, now, nil)
	if want < 1 {
		return s, Block{}
	}
	if t.held() {
		return s, t.takeKnock()
	}
	block := t.Permits.cut(t.now, max(t.now, t.blockedUntil()), t.allowed(), want, horizon)
	block.Version = s.Version
	return s, block
}

// cut books up to want slots at rate r that lie between from, or a burst
// before it, and now+horizon.
func (p *permits) cut(now, from moment, r float64, want int, horizon time.Duration) Block {
	end := now.plus(max(horizon.Seconds(), 0))
	interval := 1 / r
	first := max(p.Next, from.plus(-(burst(r)-1)*interval))
	if from > end || first > end {
		return Block{}
	}
	n := min(want, int(math.Floor(end.since(first)/interval+1e-6))+1)
	p.Next = first.plus(float64(n) * interval)
	return Block{First: first.Time(), Interval: duration(interval), N: n}
}

// blockedUntil is when the pause of an episode, or the wait for a quota's next
// window or the warm-up's next hour or day, is over.
func (s *State) blockedUntil() moment {
	return max(s.Episode.Until, s.Windows.Until, s.Warmup.Until)
}

func (t *turn) takeKnock() Block {
	if !t.knockDue(t.now) {
		return Block{}
	}
	t.Hold.Asked = t.now
	return Block{First: t.now.Time(), N: 1, Probe: true, Untried: t.Recipients.knocksUntried(t.Hold.Knocks), Version: t.Version}
}

// Return hands back permits that were not used, so that others may use them.
// Permits of an older version lapse without credit: the rate has changed. A
// half-open permit comes free again.
func Return(s State, unused Block, now time.Time) State {
	t := begin(&s, now, nil)
	switch {
	case unused.N < 1:
	case unused.Probe:
		if t.held() && t.Hold.Asked == momentOf(unused.First) {
			t.Hold.Asked = 0
		}
	case unused.Version == t.Version:
		t.Permits.Next = t.Permits.Next.plus(-float64(unused.N) * unused.Interval.Seconds())
	}
	return s
}
