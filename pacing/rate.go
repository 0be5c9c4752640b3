package pacing

import "math"

// mode says what the rate is doing.
type mode string

const (
	starting mode = "start"  // doubling from the first rate
	climbing mode = "climb"  // looking for a higher limit, in growing steps
	steady   mode = "steady" // running at the highest rate known good
)

// rate is the heart of the envelope: how many messages a second.
//
// Lo is the highest rate known good, Hi the lowest known bad. A provider runs
// at Lo. Now and then, when the budget allows it, the rate climbs above Lo in
// growing steps until it is refused; what was accepted between that refusal
// and the one before is the limit (see measure.go).
type rate struct {
	Mode mode    `json:"mode"`
	R    float64 `json:"r"`           // messages per second now
	Lo   float64 `json:"lo"`          // highest known good; 0 unknown
	Hi   float64 `json:"hi,omitzero"` // lowest known bad; 0 unknown
	Good float64 `json:"good"`        // highest rate that finished an epoch clean

	// The epoch: what was sent since the rate was set.
	Since moment  `json:"since"`
	Sent  float64 `json:"sent"`

	// The climb.
	Step   float64 `json:"step"`            // next raise, as a share of the rate
	From   float64 `json:"from"`            // Lo when the climb began
	Excess float64 `json:"excess,omitzero"` // accepted above Lo during the climb
	Burst  float64 `json:"burst,omitzero"`  // largest excess that turned out to be no more than a full bucket
	Rough  bool    `json:"rough,omitempty"` // Lo was guessed, not measured: climb quickly

	Set   float64 `json:"set,omitzero"`    // the rate that the last refusal led to
	Shock bool    `json:"shock,omitempty"` // the last refusal was taken for an aftershock

	Gap  float64 `json:"gap"`  // seconds between climbs
	Next moment  `json:"next"` // next planned climb

	Empty emptied `json:"empty,omitzero"`
}

const (
	slowest    = 1.0 / 120 // messages per second; slower is a hold
	firstStep  = 0.05      // a climb's first raise
	roughStep  = 0.15      // … while the limit is only guessed
	stepGrowth = 1.6
	used       = 0.7 // share of the allowed messages that must have been sent, or the limit is ours
	shortGap   = 30  // seconds to the next climb when the last one paid
	startEasy  = 8   // messages per second from which on the start grows by half: what is in flight at the first refusal is refused too
	longestGap = 7200
)

func newRate(r float64, now moment) rate {
	return rate{Mode: starting, R: r, Since: now, Step: firstStep, Gap: shortGap}
}

// set changes the rate and begins a new epoch.
func (r *rate) set(now moment, perSecond, most float64) {
	r.R = clamp(perSecond, slowest, most)
	r.Since = now
	r.Sent = 0
}

// epoch is how long a rate is tried before the next step, in seconds.
func (r *rate) epoch(l latency) float64 {
	switch {
	case r.Mode == starting:
		return max(2, 4*l.Message)
	case r.Rough && !r.nearBad():
		return max(4, 6*l.Message, 10/r.R)
	default:
		return max(12, 15/r.R)
	}
}

// raised is the next rate of a climb. The step has grown before.
func (r *rate) raised() float64 { return max(r.R, r.Lo) * (1 + 0.6*r.Step) }

// steepest is the largest raise of a climb, as a share of the rate.
func (r *rate) steepest() float64 {
	if r.nearBad() {
		return 0.25
	}
	return 1
}

// nearBad says whether the rate is close to one that was refused before.
func (r *rate) nearBad() bool { return r.Hi > 0 && r.R > 0.7*r.Hi }

// proven says whether more was accepted above Lo than any burst ever seen
// here explains. Until then a climb may be living on a full bucket.
func (r *rate) proven() bool { return r.Excess > 1.5*r.Burst+5 }

// look advances the rate when its epoch is over.
func (t *turn) look() {
	r := &t.Rate
	dt := t.now.since(r.Since)
	if dt < 1 || t.now < t.blockedUntil() {
		return
	}
	if t.allowed() < r.R {
		r.Since, r.Sent = t.now, 0 // another ceiling is the limit: nothing is learned about the rate
		return
	}
	if r.Mode != climbing {
		t.tryLess()
	}
	switch r.Mode {
	case starting:
		if dt >= r.epoch(t.Latency) && r.Sent >= 6 {
			t.double(dt)
		}
	case climbing:
		if dt >= r.epoch(t.Latency) {
			t.climb(dt)
		}
	case steady:
		t.cruise(dt)
	}
}

// utilised says whether the epoch's messages were really sent. What was
// launched within the last latency cannot have been answered yet.
func (t *turn) utilised(dt float64) bool {
	answered := max(dt-t.Latency.Message-t.Latency.Lag, dt/4)
	return t.Rate.Sent > used*t.allowed()*answered
}

// double is the start: as long as short epochs stay clean, twice as fast, and
// half as fast again where much is in flight.
func (t *turn) double(dt float64) {
	r := &t.Rate
	if !t.utilised(dt) {
		// Lanes, mail or a stall are the limit, not the provider: the rate stays.
		r.Since, r.Sent = t.now, 0
		return
	}
	r.Good = max(r.Good, r.R)
	if r.R >= t.most() {
		r.Mode, r.Lo = steady, r.R
		return
	}
	was := r.R
	growth := 2.0
	if r.R >= startEasy {
		growth = 1.5
	}
	r.set(t.now, growth*r.R, t.most())
	t.decide(Faster, was, r.R, "the first "+span(dt)+" at "+pace(was)+" went without a refusal")
}

// climb goes on to the next step, or ends the climb when we are the limit.
func (t *turn) climb(dt float64) {
	r := &t.Rate
	if !t.utilised(dt) {
		t.cruiseAt(r.Lo)
		r.Step = firstStep
		r.Next = t.now.plus(shortGap)
		return
	}
	r.Excess += r.Sent - r.Lo*dt
	if !r.Rough && r.proven() && t.fell() {
		r.Rough, r.Step = true, returnQuick // the limit rose: what was carried before may be back
	}
	if r.proven() || r.Rough {
		r.Lo, r.Good, r.Excess, r.Gap = r.R, r.R, 0, shortGap
		if r.R > r.Hi {
			r.Hi = 0
		}
		t.Hold.Cost *= 0.5
	}
	if r.Lo >= t.most() {
		t.cruiseAt(r.Lo)
		return
	}
	was := r.R
	r.Step = min(r.steepest(), r.Step*stepGrowth)
	r.set(t.now, r.raised(), t.most())
	t.decide(Faster, was, r.R, span(dt)+" at "+pace(was)+" went without a refusal: looking for the limit")
}

// cruise keeps a steady rate and starts a climb when one is due.
func (t *turn) cruise(dt float64) {
	r := &t.Rate
	if dt > 30 && t.utilised(dt) {
		r.Good = r.R
		if dt > carriedLong && t.now.since(t.Carried.Noted) > 10 {
			t.Carried.note(t.now, min(r.R, t.History.between(t.now.plus(-carriedLong), t.now)/carriedLong))
			if !t.fell() {
				t.Carried.Gap = 0
			}
		}
	}
	if t.runSliding() || t.comeOn(dt) || t.lookBack() {
		return
	}
	if t.now >= r.Next && t.mayProvoke(2) && r.Lo < t.most() {
		r.Mode, r.From, r.Excess = climbing, r.Lo, 0
		was := r.R
		r.set(t.now, r.Lo*(1+r.Step), t.most())
		t.decide(Faster, was, r.R, "looking whether the limit rose")
	}
}

// cruiseAt makes a rate the known good one and runs at it.
func (t *turn) cruiseAt(lo float64) {
	r := &t.Rate
	r.Mode, r.Rough, r.Lo = steady, false, max(lo, slowest)
	r.set(t.now, r.Lo, t.most())
}

// planClimb sets the time of the next climb: after the gap, which doubles with
// each climb that did not pay, but at the latest after 500 messages, or slow
// limits would be looked at so often that the budget is gone, and fast ones
// too rarely. A costly limit rests for longer.
func (t *turn) planClimb() {
	r := &t.Rate
	gap := r.Gap
	if messages := 500 / max(r.Lo, slowest); messages > 60 {
		gap = min(gap, messages)
	}
	if t.Hold.Cost >= costly && t.has(CostlyRest) {
		gap = max(gap, t.Hold.rest())
	}
	r.Next = t.now.plus(gap * t.jitter(0.8, 1.2))
}

// most is the highest rate that may be tried at all.
func (t *turn) most() float64 { return t.Profile.maxRate() }

// allowed is the rate in force: the envelope under every cap.
func (s *State) allowed() float64 {
	r := s.Rate.R
	if s.Hand.Cap > 0 {
		r = math.Min(r, s.Hand.Cap)
	}
	if s.Windows.Cap > 0 {
		r = math.Min(r, s.Windows.Cap)
	}
	if s.Warmup.Cap > 0 {
		r = math.Min(r, s.Warmup.Cap)
	}
	return max(r, slowest)
}
