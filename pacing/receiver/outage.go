package receiver

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Outage is a time at which the provider, or some of its hosts, do not work,
// or do not want us. With nothing but Hosts it is a bad host for ever.
type Outage struct {
	After  time.Duration `yaml:"after"`  // first start, after the start; or
	At     string        `yaml:"at"`     // first start as a moment: RFC 3339, e.g. 2026-11-24T03:00:00+01:00
	For    time.Duration `yaml:"for"`    // how long; 0 = for ever
	Every  time.Duration `yaml:"every"`  // from start to start; 0 = once
	Jitter time.Duration `yaml:"jitter"` // up to this is added to each Every, at random
	Hosts  []int         `yaml:"hosts"`  // only these hosts; the first is 1; default all
	Share  Share         `yaml:"share"`  // of the commands that it hits; default 100%
	Answer *Refusal      `yaml:"answer"` // default: 421 4.3.2 at connect and at MAIL. With a phase, only there
}

// outage is an [Outage] at work. It draws from a source of its own, so that
// its times do not depend on what senders do.
type outage struct {
	spec   *Outage
	answer *words
	share  Share
	rng    *rand.Rand
	begin  time.Time
	end    time.Time // zero: never
}

func newOutage(spec *Outage, opaque bool, start time.Time, rng *rand.Rand) *outage {
	o := &outage{
		spec:   spec,
		answer: spec.Answer.ready(Refusal{Code: 421, Enhanced: "4.3.2", Text: "Service not available, down for maintenance"}, opaque),
		share:  orElse(spec.Share, 1),
		rng:    rng,
		begin:  start.Add(spec.After),
	}
	if at, err := time.Parse(time.RFC3339, spec.At); err == nil {
		o.begin = at
	}
	o.setEnd()
	return o
}

func (o *outage) setEnd() {
	if o.spec.For > 0 {
		o.end = o.begin.Add(o.spec.For)
	}
}

// on reports whether the outage is on at a time, and for how much longer.
// Times must not go back.
func (o *outage) on(now time.Time) (bool, time.Duration) {
	for o.spec.Every > 0 && !o.end.IsZero() && !now.Before(o.end) {
		gap := o.spec.Every
		if o.spec.Jitter > 0 {
			gap += time.Duration(o.rng.Int64N(int64(o.spec.Jitter)))
		}
		o.begin = o.begin.Add(gap)
		o.setEnd()
	}
	if now.Before(o.begin) || (!o.end.IsZero() && !now.Before(o.end)) {
		return false, 0
	}
	if o.end.IsZero() {
		return true, time.Hour
	}
	return true, o.end.Sub(now)
}

// hits reports whether the outage concerns a host (numbered from 0) at a phase.
func (o *outage) hits(phase reply.Phase, host int) bool {
	if len(o.spec.Hosts) > 0 && !slices.Contains(o.spec.Hosts, host+1) {
		return false
	}
	if o.answer.Phase == "" {
		return phase == reply.PhaseConnect || phase == reply.PhaseMail
	}
	return phase == o.answer.Phase
}
