package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// envelope lets the project's own controller play. It is asked for every
// single message, as a node with one lane at a time would.
type envelope struct {
	state  pacing.State
	rng    *rand.Rand
	opened time.Duration
	looked time.Duration // last Step that no event asked for
	say    func(time.Duration, pacing.Decision)
}

// lookEvery is how often the controller looks at the clock of its own accord.
const lookEvery = 250 * time.Millisecond

// Envelope is the controller of package pacing.
func Envelope() Contender { return EnvelopeWith("Envelope", pacing.Profile{}, nil) }

// EnvelopeWith is the controller with a profile of its own. Every decision is
// told to say, if that is not nil.
func EnvelopeWith(name string, profile pacing.Profile, say func(time.Duration, pacing.Decision)) Contender {
	profile.MaxRate, profile.MaxLanes = hardRate, hardLanes
	if profile.PerLane == 0 {
		profile.PerLane = 1_000_000 // the rivals are not limited either
	}
	return Contender{Name: name, New: func(rng *rand.Rand) Policy {
		e := &envelope{state: pacing.New(profile, Start), rng: rng, opened: -never, say: say}
		e.state.Seed = rng.Uint64()
		return e
	}}
}

func (e *envelope) step(now time.Duration, events ...pacing.Event) {
	var decisions []pacing.Decision
	e.state, decisions = pacing.Step(e.state, events, Start.Add(now))
	if e.say != nil {
		for _, d := range decisions {
			e.say(now, d)
		}
	}
}

func (e *envelope) pace(now time.Duration, open int) pacing.Pace {
	return e.state.Pace(Start.Add(now), pacing.Demand{Waiting: 1 << 30, Open: open})
}

func (e *envelope) Lanes(now time.Duration, open int) (int, time.Duration) {
	p := e.pace(now, open)
	openAt := e.opened + p.OpenGap
	if !p.OpenAfter.IsZero() {
		openAt = max(openAt, p.OpenAfter.Sub(Start))
	}
	if p.Mode == "pause" {
		openAt = max(openAt, p.HoldUntil.Sub(Start))
	}
	return p.Lanes, openAt
}

func (e *envelope) Permit(now time.Duration) (Permit, time.Duration, bool) {
	at := Start.Add(now)
	var block pacing.Block
	if e.state.Recipients.Greylists {
		if e.state, block = pacing.TakeFirst(e.state, 1, at, 0); block.N > 0 {
			return Permit{Fresh: true}, 0, true
		}
	}
	if e.state, block = pacing.Take(e.state, 1, at, 0); block.N > 0 {
		return Permit{Probe: block.Probe, Fresh: block.Untried}, 0, true
	}
	p := e.pace(now, 1)
	switch p.Mode {
	case "hold", "pause":
		return Permit{}, p.HoldUntil.Sub(Start), false
	case "knock":
		return Permit{}, now + time.Second, false
	}
	return Permit{}, min(now+time.Second, e.state.NextPermit().Sub(Start)), false
}

func (e *envelope) Host(now time.Duration, hosts int) int {
	e.opened = now
	avoid := e.pace(now, 1).Avoid
	if len(avoid) == 0 {
		return e.rng.IntN(hosts)
	}
	var good []int
	for h := range hosts {
		bad := false
		for _, name := range avoid {
			bad = bad || name == hostName(h)
		}
		if !bad {
			good = append(good, h)
		}
	}
	if len(good) == 0 {
		return e.rng.IntN(hosts)
	}
	return good[e.rng.IntN(len(good))]
}

func (e *envelope) PerLane() int { return e.state.PerLane.Allowed(e.state.Profile.PerLane) }

func (e *envelope) Report(now time.Duration, o Outcome) { e.step(now, o.Event) }

func (e *envelope) Wake(now time.Duration) time.Duration {
	if now >= e.looked+lookEvery {
		e.looked = now
		e.step(now)
	}
	return e.looked + lookEvery
}

// Retry is the plain schedule of the product: what was put off for the
// recipient waits long, what was put off for the rate comes back soon.
func (e *envelope) Retry(now time.Duration, o Outcome) time.Duration {
	p := e.pace(now, 1)
	doubled := func(first, most time.Duration) time.Duration {
		d := first << min(o.Attempts-1, 10)
		return time.Duration(float64(min(d, most)) * (0.9 + 0.2*e.rng.Float64()))
	}
	switch {
	case o.Meaning.Class == reply.ClassGreylist || o.Phase == reply.PhaseRcpt && p.Greylists:
		delay := max(p.RetryAfter, o.Meaning.Hint+5*time.Second)
		return time.Duration(float64(delay) * (1 + 0.05*e.rng.Float64()))
	case o.Meaning.Class == reply.ClassMailbox:
		return doubled(15*time.Minute, 2*time.Hour)
	case o.Phase == reply.PhaseRcpt:
		return doubled(5*time.Minute+10*time.Second, 2*time.Hour)
	}
	return doubled(15*time.Second, 15*time.Minute)
}
