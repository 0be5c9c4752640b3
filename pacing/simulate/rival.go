package simulate

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// Rivals are models of how others pace, with their published constants and
// defaults. They are models of the policies, not the products: an expert
// could tune each for one provider; the comparison is between defaults.
func Rivals() []Contender {
	return []Contender{
		{"Postfix ±1", func(rng *rand.Rand) Policy { return newPostfix(rng, false, 1) }},
		{"Postfix 1/N", func(rng *rand.Rand) Policy { return newPostfix(rng, true, 10) }},
		{"Static caps", func(rng *rand.Rand) Policy { return newKumo(rng, false) }},
		{"KumoMTA rules", func(rng *rand.Rand) Policy { return newKumo(rng, true) }},
		{"Two-state", func(rng *rand.Rand) Policy { return newTwoState(rng) }},
		{"Gradual", func(rng *rand.Rand) Policy { return newGradual(rng) }},
		{"AIMD", func(rng *rand.Rand) Policy { return newAIMD(rng) }},
		{"CUBIC", func(rng *rand.Rand) Policy { return newCubic(rng) }},
		{"SRE", func(rng *rand.Rand) Policy { return newSRE(rng) }},
		{"Netflix", func(rng *rand.Rand) Policy { return newNetflix(rng) }},
	}
}

// plain is what the rivals have in common: hosts at random, no limit on
// openings, retries that double.
type plain struct {
	rng         *rand.Rand
	first, most time.Duration // retry delays
	permits     slots
}

func (p *plain) Host(_ time.Duration, hosts int) int  { return p.rng.IntN(hosts) }
func (p *plain) PerLane() int                         { return 0 }
func (p *plain) Wake(now time.Duration) time.Duration { return never }
func (p *plain) Report(time.Duration, Outcome)        {}
func (p *plain) Retry(_ time.Duration, o Outcome) time.Duration {
	delay := min(float64(p.first)*math.Exp2(float64(o.Attempts-1)), float64(p.most))
	return time.Duration(delay * (0.9 + 0.2*p.rng.Float64()))
}

// grant lets a message through at a rate with a burst.
func (p *plain) grant(now time.Duration, rate, burst float64) (Permit, time.Duration, bool) {
	again, ok := p.permits.take(now, rate, burst)
	return Permit{}, again, ok
}

// slots is a token bucket written as the time of the next slot.
type slots struct{ next float64 }

func (s *slots) take(now time.Duration, rate, burst float64) (again time.Duration, ok bool) {
	t, interval := now.Seconds(), 1/rate
	s.next = max(s.next, t-(burst-1)*interval)
	if s.next > t+1e-9 {
		return time.Duration(s.next * float64(time.Second)), false
	}
	s.next += interval
	return 0, true
}

// throttled says whether an outcome is trouble of the site and not of one
// recipient.
func throttled(o Outcome) bool {
	if o.Kind != pacing.Refused && o.Kind != pacing.OpenRefused {
		return false
	}
	switch o.Meaning.Class {
	case reply.ClassGreylist, reply.ClassMailbox, reply.ClassRecipients:
		return false
	}
	return true
}

// atSite is throttled without limits on one lane's length.
func atSite(o Outcome) bool { return throttled(o) && o.Meaning.Class != reply.ClassSession }
