package pacing

import "time"

// Outlook is what a state says of the time ahead: the limits in force, and
// when each of them ends. Package estimate reads it; nothing is decided by it.
type Outlook struct {
	// Rate is the envelope's rate in messages per second, under no quota and
	// no ceiling by hand. During a hold it is the rate before it.
	Rate float64

	// Starting says that the rate still doubles: no limit was met yet.
	Starting bool

	// Coming is the rate that the provider is on the way back to; 0: none.
	Coming float64

	// Cap is the operator's ceiling in messages per second; 0: none.
	Cap float64

	// Held says that nothing is sent but single messages that knock; Manual
	// that somebody decided so. HeldSince is when it began, NextKnock when
	// the next message knocks.
	Held, Manual         bool
	HeldSince, NextKnock time.Time

	// PausedUntil is the end of the pause after a refusal; zero: none.
	PausedUntil time.Time

	// Quotas are the clock windows known, guesses included.
	Quotas []Quota

	// SlidingCap and SlidingOver are a limit over any span of that length, in
	// messages per second; 0: none known.
	SlidingCap  float64
	SlidingOver time.Duration

	// WarmUp is how many messages the days of the warm-up allow, from what is
	// left of today; empty: no warm-up. After the last day nothing is held back.
	WarmUp []float64

	// Lanes is how many connections the provider takes as far as is known,
	// Message how long one message takes on one of them.
	Lanes   int
	Message time.Duration

	// PutOff is after how long a first attempt that was put off may come
	// again; 0: the provider does not greylist.
	PutOff time.Duration
}

// Quota is a number of messages per clock window.
type Quota struct {
	Every     time.Duration
	Count     float64   // messages that are sent per window
	Used      float64   // in the running window
	Ends      time.Time // of the running window
	Confirmed bool      // met more than once; else a guess
}

// Outlook returns the limits in force now.
func (s State) Outlook(now time.Time) Outlook {
	s, _ = Step(s, nil, now) // windows and days that ended since the last look
	at := s.Clock
	o := Outlook{
		Rate: s.Rate.R, Starting: s.Rate.Mode == starting, Coming: s.Comeback.To, Cap: s.Hand.Cap,
		Lanes: s.Profile.maxLanes(), Message: duration(s.Latency.Message),
		WarmUp: s.Warmup.ahead(s.Profile),
	}
	if s.Lanes.Cap > 0 {
		o.Lanes = min(o.Lanes, s.Lanes.Cap)
	}
	if s.Less.Limit > 0 {
		o.Lanes = min(o.Lanes, s.Less.Limit)
	}
	if s.held() {
		o.Held, o.Manual = true, s.Hold.Manual
		o.HeldSince, o.NextKnock = s.Hold.Since.Time(), s.Hold.Next.Time()
		if s.Episode.Before > 0 {
			o.Rate = s.Episode.Before
		}
	} else if s.Episode.Until > at {
		o.PausedUntil = s.Episode.Until.Time()
	}
	for _, w := range s.Windows.All {
		if w.Width > 0 {
			o.Quotas = append(o.Quotas, Quota{Every: duration(w.Width), Count: quotaShare * w.Quota, Used: w.Count,
				Ends: w.end().Time(), Confirmed: w.Confirmed})
		}
	}
	if s.Sliding.Width > 0 {
		o.SlidingCap, o.SlidingOver = s.Sliding.Cap, duration(s.Sliding.Width)
	}
	if s.Recipients.Greylists {
		o.PutOff = duration(s.Recipients.delay())
	}
	return o
}

// ahead is what the days of the ladder allow, if each of them is clean.
func (w *warmup) ahead(p Profile) []float64 {
	if !p.WarmUp || w.Done || w.Day == 0 {
		return nil
	}
	days := []float64{max(0, warmCap(w.Day)-w.Sent)}
	for day := w.Day + 1; day <= warmDays && warmCap(day) < warmGrownUp; day++ {
		days = append(days, warmCap(day))
	}
	return days
}

// Accepted returns how many messages the provider accepted from one moment to
// another: to the second in the last minute, and the coarser the longer ago,
// back to a day.
func (s State) Accepted(from, to time.Time) float64 {
	return s.History.between(momentOf(from), momentOf(to))
}
