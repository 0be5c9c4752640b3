package simulate

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// aimd adds to the rate while all goes well and multiplies it down on a
// refusal; likewise the lanes. As gradual it is the shape of KumoMTA's pull
// request 594: half on a match, a tenth of the original back every 5 minutes.
type aimd struct {
	plain
	rate, lanes        float64
	rateMost, laneMost float64
	rateStep, laneStep float64
	every              time.Duration
	stepped            time.Duration
	rateCut, laneCut   time.Duration
	waits              bool // no step within one interval of a cut
}

func newAIMD(rng *rand.Rand) *aimd {
	return &aimd{plain: plain{rng: rng, first: time.Minute, most: 15 * time.Minute},
		rate: 1, lanes: 2, rateMost: hardRate, laneMost: hardLanes, rateStep: 0.5, laneStep: 0.1, every: time.Second,
		rateCut: -never, laneCut: -never}
}

func newGradual(rng *rand.Rand) *aimd {
	return &aimd{plain: plain{rng: rng, first: 20 * time.Minute, most: 7 * 24 * time.Hour},
		rate: 100, lanes: 10, rateMost: 100, laneMost: 10, rateStep: 10, laneStep: 1, every: 5 * time.Minute, waits: true,
		rateCut: -never, laneCut: -never}
}

func (a *aimd) Lanes(now time.Duration, _ int) (int, time.Duration) {
	return int(max(1, a.lanes)), now
}

func (a *aimd) Permit(now time.Duration) (Permit, time.Duration, bool) {
	return a.grant(now, a.rate, max(1, a.rate/4))
}

func (a *aimd) Wake(now time.Duration) time.Duration {
	for ; now-a.stepped >= a.every; a.stepped += a.every {
		if !a.waits || now-a.rateCut >= a.every {
			a.rate = min(a.rateMost, a.rate+a.rateStep)
		}
		if !a.waits || now-a.laneCut >= a.every {
			a.lanes = min(a.laneMost, a.lanes+a.laneStep)
		}
	}
	return a.stepped + a.every
}

func (a *aimd) Report(now time.Duration, o Outcome) {
	switch {
	case o.Kind == pacing.OpenRefused:
		if now-a.laneCut >= time.Second {
			a.laneCut, a.lanes = now, max(1, a.lanes/2)
			if o.Lanes == 0 {
				a.cut(now)
			}
		}
	case atSite(o):
		a.cut(now)
	}
}

func (a *aimd) cut(now time.Duration) {
	if now-a.rateCut >= time.Second {
		a.rateCut, a.rate = now, max(1.0/60, a.rate/2)
	}
}

// cubic is the client-side rate limiter of the AWS SDKs' adaptive retry mode
// (β 0.7, scale 0.4, at most twice the measured rate), which follows CUBIC.
type cubic struct {
	plain
	on                           bool
	fill, measured, most, window float64
	since                        float64
	bucket, count                float64
	lanes                        float64
	laneStep                     time.Duration
}

func newCubic(rng *rand.Rand) *cubic {
	return &cubic{plain: plain{rng: rng, first: time.Minute, most: 15 * time.Minute}, lanes: 20}
}

func (c *cubic) Lanes(now time.Duration, _ int) (int, time.Duration) {
	return int(max(1, c.lanes)), now
}

func (c *cubic) Permit(now time.Duration) (Permit, time.Duration, bool) {
	if !c.on {
		return c.grant(now, hardRate, 10)
	}
	return c.grant(now, max(c.fill, 0.5), max(1, c.fill))
}

func (c *cubic) Wake(now time.Duration) time.Duration {
	if now-c.laneStep >= 10*time.Second {
		c.laneStep, c.lanes = now, min(20, c.lanes+1)
	}
	return c.laneStep + 10*time.Second
}

func (c *cubic) Report(now time.Duration, o Outcome) {
	switch o.Kind {
	case pacing.OpenRefused:
		c.lanes, c.laneStep = max(1, 0.7*c.lanes), now
		if o.Lanes == 0 {
			c.update(now.Seconds(), true)
		}
	case pacing.Accepted, pacing.Refused:
		c.update(now.Seconds(), atSite(o))
	}
}

func (c *cubic) update(now float64, refused bool) {
	c.count++
	if half := math.Floor(now*2) / 2; half > c.bucket {
		c.measured = 0.8*c.count/(half-c.bucket) + 0.2*c.measured
		c.count, c.bucket = 0, half
	}
	var next float64
	if refused {
		at := c.measured
		if c.on {
			at = min(at, c.fill)
		}
		c.most, c.since, c.on = at, now, true
		next = 0.7 * at
	} else {
		c.window = math.Cbrt(c.most * 0.3 / 0.4)
		next = 0.4*math.Pow(now-c.since-c.window, 3) + c.most
	}
	c.fill = clampRate(min(next, 2*c.measured))
}

func clampRate(r float64) float64 { return min(hardRate, max(0.5, r)) }

// sre is client-side throttling from Google's SRE book: the share
// (requests − K × accepted) ÷ (requests + 1) of the last two minutes is
// dropped before it is sent; K is 1.1.
type sre struct {
	plain
	asked, accepted []time.Duration
}

const (
	sreK      = 1.1
	sreMemory = 2 * time.Minute
)

func newSRE(rng *rand.Rand) *sre {
	return &sre{plain: plain{rng: rng, first: time.Minute, most: 15 * time.Minute}}
}

func (s *sre) Lanes(now time.Duration, _ int) (int, time.Duration) { return 20, now }

func (s *sre) Permit(now time.Duration) (Permit, time.Duration, bool) {
	again, ok := s.permits.take(now, hardRate, 5)
	if !ok {
		return Permit{}, again, false
	}
	s.asked, s.accepted = recent(s.asked, now-sreMemory), recent(s.accepted, now-sreMemory)
	n, good := float64(len(s.asked)), float64(len(s.accepted))
	s.asked = append(s.asked, now)
	if s.rng.Float64() < max(0, (n-sreK*good)/(n+1)) {
		return Permit{}, now + time.Second/hardRate, false
	}
	return Permit{}, 0, true
}

func recent(times []time.Duration, from time.Duration) []time.Duration {
	i := 0
	for i < len(times) && times[i] < from {
		i++
	}
	return times[i:]
}

func (s *sre) Report(now time.Duration, o Outcome) {
	if o.Kind == pacing.Accepted || o.Kind == pacing.Refused && !atSite(o) {
		s.accepted = append(s.accepted, now)
	}
}

// netflix is the AIMD limit of Netflix's concurrency-limits: lanes ×0.9 on
// a refusal, +1 per round of successes.
type netflix struct {
	plain
	limit float64
}

func newNetflix(rng *rand.Rand) *netflix {
	return &netflix{plain: plain{rng: rng, first: time.Minute, most: 15 * time.Minute}, limit: 5}
}

func (n *netflix) Lanes(now time.Duration, _ int) (int, time.Duration) {
	return int(max(1, n.limit)), now
}

func (n *netflix) Permit(now time.Duration) (Permit, time.Duration, bool) {
	return n.grant(now, hardRate, 5)
}

func (n *netflix) Report(_ time.Duration, o Outcome) {
	switch {
	case o.Kind == pacing.Accepted:
		n.limit = min(hardLanes, n.limit+1/n.limit)
	case atSite(o):
		n.limit = max(1, 0.9*n.limit)
	}
}
