package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// kumo is KumoMTA's default shaping (10 lanes, 100 openings a minute, 100
// messages a lane, 100 a second), with or without its automation rules: rate
// words set one message a minute and one lane for 90 minutes, two connection
// replies an hour set one lane for an hour, two reputation replies suspend
// for two hours.
type kumo struct {
	plain
	openings   slots
	rules      bool
	slowUntil  time.Duration
	oneUntil   time.Duration
	stopUntil  time.Duration
	hits       map[reply.Class][]time.Duration
	openFailed int
}

func newKumo(rng *rand.Rand, rules bool) *kumo {
	return &kumo{plain: plain{rng: rng, first: 20 * time.Minute, most: 7 * 24 * time.Hour},
		rules: rules, hits: map[reply.Class][]time.Duration{}}
}

func (k *kumo) PerLane() int { return 100 }

func (k *kumo) Lanes(now time.Duration, _ int) (int, time.Duration) {
	if now < k.stopUntil {
		return 0, k.stopUntil
	}
	lanes := 10
	if now < k.oneUntil {
		lanes = 1
	}
	peek := k.openings
	again, ok := peek.take(now, 100.0/60, 100)
	if !ok {
		return lanes, again
	}
	return lanes, now
}

func (k *kumo) Host(now time.Duration, hosts int) int {
	k.openings.take(now, 100.0/60, 100)
	return k.plain.Host(now, hosts)
}

func (k *kumo) Permit(now time.Duration) (Permit, time.Duration, bool) {
	switch {
	case now < k.stopUntil:
		return Permit{}, k.stopUntil, false
	case now < k.slowUntil:
		return k.grant(now, 1.0/60, 1)
	}
	return k.grant(now, 100, 100)
}

func (k *kumo) Wake(now time.Duration) time.Duration {
	next := never
	for _, t := range []time.Duration{k.stopUntil, k.oneUntil, k.slowUntil} {
		if t > now {
			next = min(next, t)
		}
	}
	return next
}

// hit counts a class and says whether it came so often within an hour.
func (k *kumo) hit(now time.Duration, c reply.Class, often int) bool {
	h := append(k.hits[c], now)
	for h[0] < now-time.Hour {
		h = h[1:]
	}
	k.hits[c] = h
	return len(h) >= often
}

func (k *kumo) Report(now time.Duration, o Outcome) {
	switch o.Kind {
	case pacing.Accepted, pacing.Opened:
		k.openFailed = 0
	case pacing.OpenRefused:
		if k.openFailed++; k.openFailed > 100 {
			k.stopUntil, k.openFailed = max(k.stopUntil, now+20*time.Minute), 0
		}
		k.react(now, o.Meaning.Class)
	case pacing.Refused:
		k.react(now, o.Meaning.Class)
	}
}

func (k *kumo) react(now time.Duration, c reply.Class) {
	if !k.rules {
		return
	}
	switch c {
	case reply.ClassConcurrency, reply.ClassConnRate:
		if k.hit(now, c, 2) {
			k.oneUntil = now + time.Hour
		}
	case reply.ClassRate, reply.ClassQuota:
		k.slowUntil, k.oneUntil = now+90*time.Minute, now+90*time.Minute
	case reply.ClassReputation:
		if k.hit(now, c, 2) {
			k.stopUntil = now + 2*time.Hour
		}
	case reply.ClassOutage:
		if k.hit(now, c, 5) {
			k.stopUntil = now + 30*time.Minute
		}
	}
}

// twoState is the shape of PowerMTA's, GreenArrow's and Halon's back-off: a
// normal state (20 lanes, 100/s) and a slow one (2 lanes, 100 a minute) for
// an hour after a throttling reply.
type twoState struct {
	plain
	until time.Duration
}

func newTwoState(rng *rand.Rand) *twoState {
	return &twoState{plain: plain{rng: rng, first: 10 * time.Minute, most: time.Hour}}
}

func (s *twoState) Lanes(now time.Duration, _ int) (int, time.Duration) {
	if now < s.until {
		return 2, now
	}
	return 20, now
}

func (s *twoState) Permit(now time.Duration) (Permit, time.Duration, bool) {
	if now < s.until {
		return s.grant(now, 100.0/60, 5)
	}
	return s.grant(now, 100, 20)
}

func (s *twoState) Wake(now time.Duration) time.Duration {
	if now < s.until {
		return s.until
	}
	return never
}

func (s *twoState) Report(now time.Duration, o Outcome) {
	if throttled(o) && (o.Code == 421 || o.Meaning.Class != reply.ClassUnknown) {
		s.until = now + time.Hour
	}
}
