package pacing

import (
	"fmt"
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// emptied is a moment at which the provider's limiter was seen empty: it
// refused. Between two such moments it accepted exactly its refill rate times
// the time, whatever its burst: that is how a limit is measured for two
// refusals, without guessing a factor.
type emptied struct {
	At    moment  `json:"at"`
	Total float64 `json:"total"`          // accepted ever, at that moment
	Pause float64 `json:"pause"`          // seconds of silence that followed
	Stray float64 `json:"stray,omitzero"` // refusals ever let pass, at that moment
}

// between returns the refill rate that two empty moments show, and whether
// the interval was long enough to be exact. 0 means that nothing can be said.
//
// Over a short interval the messages in flight and the whole numbers weigh
// more: the estimate then leans down by 0.3/√n, and stands only for a limit
// clearly below the rate r that was being sent.
//
// Seconds in which nothing was offered are taken out, for the limiter may have
// been full then. What it regained in them makes the estimate too high; the
// rate that was refused in the end is a bound for that.
func (e emptied) between(now moment, total, r, idle float64, rough bool) (est float64, exact bool) {
	dt, n := now.since(e.At), total-e.Total
	if e.At == 0 || dt >= 1800 || idle > mostIdle*dt || n > r*dt {
		return 0, false
	}
	dt -= idle
	switch {
	case dt >= max(10, 5/r):
		if est = min(n/dt, r); est < 0.2*r {
			return 0, false
		}
		return est, true
	case n >= 4 && dt > 1:
		est = n / dt * (1 - 0.3/math.Sqrt(n))
		if est < 0.05*r || est > r || est > 0.7*r && !rough {
			return 0, false
		}
		return est, false
	}
	return 0, false
}

// Safety margins below a measured limit: enough that rounding and a burst of
// retries do not touch it again.
const (
	below      = 0.985
	belowAgain = 0.975 // refused within a tenth of the rate that was held: it is drifting
	belowRough = 0.9   // measured over a short interval
	ramped     = 1.6   // a rate so far above the estimate was reached by a climb; then it is a lower bound
)

// limited takes in one new episode of refusals that concern the rate: it
// measures if it can, and lowers the rate.
func (t *turn) limited(e Event, pause float64) {
	r := &t.Rate
	was, before := r.R, r.Empty
	est, exact := t.estimate()
	idle := t.idle()
	r.Empty = emptied{At: t.now, Total: t.through(), Pause: pause, Stray: t.Noise.Let}
	t.Offer.Idle = 0
	switch {
	case r.Mode == steady && t.Noise.Trial > 0:
		// The rate was restored as if refusals had been noise. They were not.
		t.cruiseAt(t.Noise.refute())
		t.planClimb()
	case t.stalled(est, idle):
		// The stall let the limiter fill and permits gather: the next refusal tells.
	case t.aftershock(exact):
		est, r.Empty, t.Offer.Idle = 0, before, idle
	case r.Mode == climbing && !r.Rough && exact && t.overlooked(before):
		// The rate was above the limit all along: noise hid it.
		t.measured(est, before, idle)
	case r.Mode == climbing && !r.Rough:
		t.climbRefused(est)
	case est > 0 && exact:
		t.measured(est, before, idle)
	case est > 0:
		t.settle(belowRough * est)
	default:
		t.guess()
	}
	if r.R < was {
		r.Set = r.R
	}
	if est > 0 {
		next := ""
		if r.Mode == steady && r.Next > t.now {
			next = "; next look " + clock(r.Next)
		}
		t.say(Measured, was, r.R, e, fmt.Sprintf("said %s; measured %s between the refusals of %s and %s; was %s%s",
			e.words(), pace(est), clock(before.At), clock(t.now), pace(was), next))
		return
	}
	t.say(Slower, was, r.R, e, fmt.Sprintf("said %s at %s; pausing %s", e.words(), pace(was), span(pause)))
}

// estimate is what the last two refusals say about the limit; 0 is nothing.
func (t *turn) estimate() (est float64, exact bool) {
	r := &t.Rate
	if !t.has(Measuring) {
		return 0, false
	}
	est, exact = r.Empty.between(t.now, t.through(), r.R, t.idle(), r.Rough || r.Mode == starting)
	if r.Rough && r.R > ramped*est {
		return 0, exact // the rate rose much in between: the limiter was not kept busy
	}
	return est, exact
}

// through is how many messages ever passed the limit: those that were accepted, and
// those that were put off behind it.
func (t *turn) through() float64 {
	if t.Recipients.Counted {
		return t.Total + t.Recipients.PutOff
	}
	return t.Total
}

// beforeRecipients says whether a phase comes before the recipient is named.
func beforeRecipients(p reply.Phase) bool {
	switch p {
	case reply.PhaseConnect, reply.PhaseEHLO, reply.PhaseStartTLS, reply.PhaseAuth, reply.PhaseMail:
		return true
	}
	return false
}

// overlooked says whether clearly more was let pass as noise since the
// refusal before than noise here explains.
func (t *turn) overlooked(before emptied) bool {
	let := t.Noise.Let - before.Stray
	return let >= 10 && let > 0.06*(let+t.Total-before.Total)
}

// stalled says whether a refusal after a stall of ours is to be forgiven,
// once: nothing can be measured, and the rate was good before.
func (t *turn) stalled(est, idle float64) bool {
	r := &t.Rate
	if est > 0 || idle < stalledFrom || r.Mode != steady || r.Shock {
		return false
	}
	r.Shock = true
	return true
}

// aftershock says whether a refusal soon after the rate was lowered is to be
// forgiven, once: limiters with a memory still count what came before. The
// pause is longer then, and the rate stays.
func (t *turn) aftershock(exact bool) bool {
	r := &t.Rate
	r.Shock = t.has(Aftershocks) && t.Episode.Quick > 0 && !exact && !r.Shock && r.R <= r.Set
	return r.Shock && r.Mode != starting
}

// measured sets the rate to just under an exact estimate.
func (t *turn) measured(est float64, before emptied, idle float64) {
	r := &t.Rate
	margin := below
	if r.Mode == steady {
		r.Gap = max(r.Gap, 60)
		// Everything that was sent went through: either the limit lies a hair
		// below the rate, or it was no limit at all.
		if dt := t.now.since(before.At) - idle; est*dt > 0.9*r.R*(dt-before.Pause) {
			margin = belowAgain
			if restored := t.Noise.cut(r.Lo, margin*est); restored > 0 && t.has(Noise) {
				r.Empty, r.Gap = emptied{}, shortGap
				t.Budget.atLeast(3)
				t.cruiseAt(restored)
				t.planClimb()
				return
			}
		} else {
			t.Noise.Cuts = 0
		}
	}
	r.Hi, r.Step, r.Rough = r.R, firstStep, false
	t.cruiseAt(margin * est)
	t.planClimb()
}

// settle begins a quick climb from a rate that is known only roughly.
func (t *turn) settle(perSecond float64) {
	r := &t.Rate
	r.Hi = r.R
	r.Mode, r.Rough, r.Step = climbing, true, firstStep
	r.From, r.Excess = 0, 0
	r.set(t.now, perSecond, t.most())
	r.Lo = min(r.Lo, r.R)
	if r.Lo == 0 {
		r.Lo = 0.6 * r.R
	}
}

// climbRefused ends a climb. The estimate is only a lower bound here: the
// limiter may have been full, wasting its refill, before the climb began.
func (t *turn) climbRefused(est float64) {
	r := &t.Rate
	excess := r.Excess + r.Sent - r.Lo*t.now.since(r.Since)
	r.Burst = max(0.8*r.Burst, min(excess, 4*r.Burst+20))
	paid := r.Lo > 1.001*r.From
	r.Hi, r.Step = r.R, firstStep
	if lo := 0.995 * est; lo > r.Lo {
		paid = paid || lo > 1.02*r.From
		r.Lo = lo
	}
	if paid {
		r.Gap = shortGap
	} else {
		r.Gap = min(longestGap, 2*r.Gap)
	}
	t.cruiseAt(r.Lo)
	t.planClimb()
}

// guess lowers the rate when nothing can be measured yet, so far that the
// next refusal, if there is one, measures.
func (t *turn) guess() {
	r := &t.Rate
	window := clamp(20/r.R, 2, 30)
	if t.Hold.Run != 0 {
		window = min(window, max(t.now.since(t.Hold.Run)+t.Latency.Message, 0.5)) // a young run has no past
	}
	lately := t.History.between(t.now.plus(-window), t.now) / window
	if t.Recipients.Counted {
		lately = max(lately, 0.8*min(r.R, t.Offer.Best)) // most of what was heard was put off
	}
	switch r.Mode {
	case starting:
		// Half the rate was clean, but perhaps only on a full bucket.
		r.Hi = r.R
		r.Mode, r.Rough = climbing, true
		r.From, r.Excess, r.Step = 0, 0, roughStep
		next := 0.65 * min(r.R, max(lately, 0.7*r.Good))
		r.Lo = 0.6 * next
		r.set(t.now, next, t.most())
	case climbing:
		r.Hi = r.R
		r.Lo = min(r.Lo, 0.6*r.R)
		r.Step = roughStep
		r.set(t.now, max(r.Lo, min(0.6*r.R, 0.9*lately)), t.most())
	case steady:
		r.Hi = r.R
		t.cruiseAt(0.8 * min(r.Lo, max(lately, 0.5*r.Lo)))
		r.Mode, r.Rough, r.From, r.Excess, r.Step = climbing, true, r.Lo, 0, roughStep
	}
}
