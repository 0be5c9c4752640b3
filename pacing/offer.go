package pacing

// offer tells in which seconds less was offered than could have been.
//
// A limit is measured by what was accepted between two moments at which the
// limiter was empty. That only holds while it was kept busy: a node that was
// restarted, a machine that stalled, a list that ran out leave it full, and
// what it would have accepted then counts for nobody. Such seconds are
// discounted; where they are many, nothing is measured.
type offer struct {
	Since moment  `json:"since,omitzero"` // the running slice began
	Heard float64 `json:"heard,omitzero"` // outcomes of it, good or bad
	Best  float64 `json:"best,omitzero"`  // the most per second in a slice lately
	Idle  float64 `json:"idle,omitzero"`  // seconds not used since the limiter was last empty
}

const (
	offerSlice  = 3    // seconds at least; outcomes come in blocks of half a second
	offerFade   = 0.99 // of the best per slice: what could be used may fall
	mostIdle    = 0.25 // of a stretch may be idle, or nothing can be measured in it
	stalledFrom = 1    // idle seconds from which a refusal may be what the stall left behind
)

// slice is how long outcomes are counted before they are judged, in seconds.
func (t *turn) slice() float64 {
	return max(offerSlice, 4*t.Latency.Message, 12/t.allowed())
}

// runOffer closes the slice when it is over. Pauses and holds are none: there
// the limiter is given time on purpose.
func (t *turn) runOffer() {
	o := &t.Offer
	if t.held() || t.now < t.blockedUntil().plus(t.Latency.Message+t.Latency.Lag) || o.Since == 0 {
		o.Since, o.Heard = t.now, 0
		return
	}
	dt := t.now.since(o.Since)
	if dt < t.slice() {
		return
	}
	o.Idle += t.lacking(dt)
	o.Best = max(offerFade*o.Best, min(o.Heard/dt, t.allowed()))
	o.Since, o.Heard = t.now, 0
}

// lacking is how many seconds of a slice of dt were not used.
func (t *turn) lacking(dt float64) float64 {
	o := &t.Offer
	could := min(t.allowed(), o.Best)
	if could == 0 || o.Heard >= used*could*dt {
		return 0
	}
	return dt - o.Heard/could
}

// idle is how many seconds were not used since the limiter was last empty.
func (t *turn) idle() float64 {
	o := &t.Offer
	if dt := t.now.since(o.Since); dt >= offerSlice {
		return o.Idle + t.lacking(dt)
	}
	return o.Idle
}
