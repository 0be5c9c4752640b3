package pacing

import (
	"time"
)

// Demand is what waits to be sent.
type Demand struct {
	// Waiting is how many messages are due; counting may stop at a bound well
	// above what lanes can carry. Lanes that it cannot feed are not wanted.
	Waiting int

	// Open is how many lanes are open now.
	Open int
}

// Pace is what may be done at a provider now, and why: the one view that
// lanes, pages and commands read.
type Pace struct {
	Rate   float64 // messages per second in force; 0 during a hold
	Lo, Hi float64 // highest rate known good, lowest known bad; 0 unknown
	Mode   string  // start, climb, steady, pause, hold, knock

	Lanes      int           // lanes that may be open
	OpenGap    time.Duration // least time between two openings
	OpenAfter  time.Time     // no opening before; zero: at once
	MaxOpening int           // lanes that may be opening at the same time
	PerLane    int           // messages that one lane may carry

	HoldUntil time.Time // the next knock during a hold, the end of a pause; else zero
	Probing   bool      // a half-open permit is out
	Manual    bool      // held by hand

	// Greylists says that first attempts are put off here: [TakeFirst]
	// grants them apart. RetryAfter is the delay after which retries pass.
	Greylists  bool
	RetryAfter time.Duration

	// Avoid are hosts that fail while others work.
	Avoid []string

	Reason  string    // why, in plain words
	Reply   string    // what the server said, verbatim
	Next    time.Time // the next planned look for a higher limit, or knock
	Version int       // permits of an older version have lapsed
	Latency time.Duration
}

// Pace returns what may be done now, given what waits.
func (s State) Pace(now time.Time, d Demand) Pace {
	at := max(momentOf(now), s.Clock)
	r := s.allowed()
	p := Pace{
		Rate: r, Lo: s.Rate.Lo, Hi: s.Rate.Hi, Mode: string(s.Rate.Mode),
		Lanes:      min(s.room(at, r), d.Waiting),
		OpenGap:    duration(s.Opening.Gap),
		OpenAfter:  s.Opening.Next.Time(),
		MaxOpening: atOnce(d.Open),
		PerLane:    s.PerLane.Allowed(s.Profile.perLane()),
		Manual:     s.Hold.Manual,
		Reason:     s.Said.Reason, Reply: s.Said.Reply,
		Next:    s.Rate.Next.Time(),
		Version: s.Version,
		Latency: duration(s.Latency.Message),
	}
	if s.Recipients.Greylists {
		p.Greylists, p.RetryAfter = true, duration(s.Recipients.delay())
	}
	for _, h := range s.Hosts {
		if h.Until > at {
			p.Avoid = append(p.Avoid, h.Name)
		}
	}
	switch {
	case s.held():
		p.Rate, p.Mode, p.MaxOpening = 0, "hold", 1
		p.HoldUntil, p.Next = s.Hold.Next.Time(), s.Hold.Next.Time()
		p.Probing = s.Hold.Asked != 0 && at.since(s.Hold.Asked) <= permitLife
		p.Lanes = 0
		if p.Probing || s.knockDue(at) {
			p.Mode, p.Lanes = "knock", min(1, d.Waiting)
		}
	case at < s.blockedUntil():
		p.Mode, p.HoldUntil = "pause", s.blockedUntil().Time()
	}
	return p
}

// NextPermit returns when the next slot falls due if nothing else changes.
func (s State) NextPermit() time.Time {
	return max(s.Permits.Next, s.blockedUntil()).Time()
}
