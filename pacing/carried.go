package pacing

// carried remembers the best rate that was carried for two minutes, by
// quarters of an hour over the last three hours.
//
// Limits that fell often rise again: a squeeze at the full hour, a slow
// server. While the rate is far below what was carried not long ago, its
// return is looked for on a clock, in big steps and without asking the
// budget. Rates that lasted seconds are not remembered: they were bursts.
type carried struct {
	Slot  int64       `json:"slot,omitzero"` // number of the running quarter
	Best  [12]float64 `json:"best,omitzero"`
	Noted moment      `json:"noted,omitzero"` // last time that a rate was noted
	Gap   float64     `json:"gap,omitzero"`   // seconds between looks
	Next  moment      `json:"next,omitzero"`  // the next look
}

const (
	carriedSlot  = 900 // seconds
	carriedLong  = 120 // seconds that a rate must have lasted
	fallen       = 0.7 // below this share of what was carried, the limit fell
	returnStep   = 0.3
	returnSoon   = 20  // seconds to the first look
	returnQuick  = 1   // step of the climb once a return has shown
	returnLatest = 150 // seconds between looks at most
)

func (c *carried) roll(now moment) {
	slot := int64(float64(now) / carriedSlot)
	if slot-c.Slot >= int64(len(c.Best)) || slot < c.Slot {
		c.Best, c.Slot = [12]float64{}, slot
	}
	for ; c.Slot < slot; c.Slot++ {
		c.Best[(c.Slot+1)%int64(len(c.Best))] = 0
	}
}

func (c *carried) note(now moment, r float64) {
	c.roll(now)
	c.Noted = now
	i := c.Slot % int64(len(c.Best))
	c.Best[i] = max(c.Best[i], r)
}

func (c *carried) best(now moment) float64 {
	c.roll(now)
	most := 0.0
	for _, r := range c.Best {
		most = max(most, r)
	}
	return most
}

// fell returns what was carried lately when the rate is far below it, and
// when it is right to look for its return. After a hold that we provoked, it
// is not.
func (t *turn) fell() bool {
	h := &t.Hold
	since := t.now.since(h.Ended)
	if h.Ended != 0 && (h.Took >= learnFrom && !h.Stray && since < 3600 || h.Cost >= costly && since < h.rest()) {
		return false
	}
	return t.Rate.Lo < fallen*t.Carried.best(t.now)
}

// lookBack starts a climb towards what was carried before. It says whether
// it did.
func (t *turn) lookBack() bool {
	c := &t.Carried
	if !t.has(LookingBack) || t.now < c.Next || !t.fell() {
		return false
	}
	c.Gap = clamp(1.6*c.Gap, returnSoon, returnLatest)
	c.Next = t.now.plus(c.Gap * t.jitter(0.9, 1.1))
	r := &t.Rate
	r.Mode, r.From, r.Excess, r.Step = climbing, r.Lo, 0, returnStep
	was := r.R
	r.set(t.now, r.Lo*(1+r.Step), t.most())
	t.decide(Faster, was, r.R, "it took "+pace(c.best(t.now))+" not long ago: looking whether that is back")
	return true
}
