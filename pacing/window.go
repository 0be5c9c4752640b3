package pacing

import (
	"fmt"
	"math"
)

// window is a quota per clock window: so many messages a minute, an hour, a
// day, counted anew at each boundary.
//
// A window is learned from how a block ends: at a boundary of the clock, and
// not at the knock before. It begins as a guess that the next run tests: the
// traffic crosses the guessed quota slowly; refused there, the guess is
// confirmed, past it, refuted. A confirmed quota is spread evenly over its
// window, and grown a little when it was used up cleanly.
type window struct {
	Width     float64 `json:"width"` // seconds; 0: free
	Quota     float64 `json:"quota"`
	Confirmed bool    `json:"confirmed,omitempty"`
	ID        int64   `json:"id"`                // number of the running window
	Count     float64 `json:"count"`             // accepted in it
	Met       bool    `json:"met,omitempty"`     // a guess was refused once in it where expected
	Refused   bool    `json:"refused,omitempty"` // the quota was met in it
	Grown     bool    `json:"grown,omitempty"`   // it runs on a grown quota
	Blind     bool    `json:"blind,omitempty"`   // nobody looked for a while in it: more may have been accepted than was counted
	Skip      int     `json:"skip,omitzero"`     // windows to go before the next growth
	Gap       int     `json:"gap,omitzero"`
	Step      float64 `json:"step,omitzero"`
}

// windows are the clock windows in force, and what they allow now.
type windows struct {
	All   [3]window `json:"all,omitzero"`
	Cap   float64   `json:"cap,omitzero"`   // messages per second; 0 none
	Until moment    `json:"until,omitzero"` // nothing before
	Saved float64   `json:"saved,omitzero"` // the rate to return to when a guess is refuted
	Cost  float64   `json:"cost,omitzero"`  // seconds that the block cost, if the guess is refuted
}

const (
	quotaShare   = 0.985 // of a confirmed quota is used
	quotaPassed  = 1.3   // a guess that was exceeded by this is refuted
	quotaOnce    = 1.05  // … or by this, after one refusal at the guess was followed by acceptances
	quotaNear    = 0.9   // from this share on, a guess is crossed slowly
	quotaBlind   = 0.8   // share of a quota that a restarted node may have missed at most
	windowGrowth = 0.03
	windowStep   = 1.7
	growthMost   = 0.25
	skipMost     = 32
	dayGrowth    = 0.2 // of quotas by the day: they grow with trust, and a trial costs a few refusals of a whole day
)

// growth is how much a quota grows at first.
func (w *window) growth() float64 {
	if w.Width >= 86400 {
		return dayGrowth
	}
	return windowGrowth
}

func (w *window) id(at moment) int64      { return int64(math.Floor(float64(at) / w.Width)) }
func (w *window) start() moment           { return moment(float64(w.ID) * w.Width) }
func (w *window) end() moment             { return moment(float64(w.ID+1) * w.Width) }
func (w *window) contains(at moment) bool { return at >= w.start() && at < w.end() }

// accepted counts messages into the running windows.
func (w *windows) accepted(at moment, n float64) {
	for i := range w.All {
		if c := &w.All[i]; c.Width > 0 && c.contains(at) {
			c.Count += n
		}
	}
}

// runWindows rolls the windows and works out what they allow now.
func (t *turn) runWindows() {
	w := &t.Windows
	w.Cap, w.Until = 0, 0
	for i := range w.All {
		c := &w.All[i]
		if c.Width == 0 {
			continue
		}
		if id := c.id(t.now); id != c.ID {
			c.roll(id, &t.Budget)
			c.Count = t.History.between(c.start(), c.end())
		}
		t.allowWindow(c)
	}
}

func (t *turn) allowWindow(c *window) {
	w := &t.Windows
	if !c.Confirmed {
		switch {
		case c.Count > quotaPassed*c.Quota+5, c.Met && c.Count > quotaOnce*c.Quota+5:
			*c = window{}
			t.refuteWindow()
		case c.Count+t.Rate.R*t.Latency.Message > quotaNear*c.Quota:
			w.limit(max(0.2*c.Quota/30, 0.3))
		}
		return
	}
	room := quotaShare*c.Quota - c.Count
	if room < 1 {
		w.Until = max(w.Until, c.end().plus(1))
		return
	}
	w.limit(room / max(c.end().since(t.now)-2, 1))
}

// blind notes that the running windows may hold more than was counted: a node
// that was killed takes its last outcomes with it.
func (w *windows) blind(from, to moment) {
	for i := range w.All {
		if c := &w.All[i]; c.Width > 0 && c.contains(from) && c.contains(to) {
			c.Blind = true
		}
	}
}

func (w *windows) limit(perSecond float64) {
	if w.Cap == 0 || perSecond < w.Cap {
		w.Cap = perSecond
	}
}

// refuteWindow returns to the rate from before a wrong guess.
func (t *turn) refuteWindow() {
	t.Hold.Cost = t.Windows.Cost
	if t.Windows.Saved > 0 && t.Rate.Mode != starting {
		t.cruiseAt(0.85 * t.Windows.Saved)
		t.planClimb()
	}
}

// roll begins a new window. A quota that was used up cleanly grows.
func (c *window) roll(id int64, b *budget) {
	if c.Confirmed && id == c.ID+1 {
		switch {
		case c.Refused:
			if c.Grown {
				c.Gap = min(2*c.Gap, skipMost)
			}
			c.Skip, c.Step = c.Gap, c.growth()
			if !c.Grown && c.Width >= 86400 {
				c.Skip = 0
			}
			c.Grown = false
		case c.Count >= 0.9*c.Quota:
			if c.Grown {
				c.Gap, c.Skip, c.Step = 1, 0, min(growthMost, c.Step*windowStep)
			}
			c.Grown = false
			if c.Skip > 0 {
				c.Skip--
			} else if b.allows(2) {
				c.Quota *= 1 + c.Step
				c.Grown = true
			}
		}
	}
	c.ID, c.Refused, c.Met, c.Blind = id, false, false, false
}

// windowMet says whether a refusal is a window's quota being met. The rest of
// the window is waited for; the rate is left alone.
func (t *turn) windowMet(e Event) bool {
	for i := range t.Windows.All {
		c := &t.Windows.All[i]
		near := 0.95 // a guess was counted exactly: what confirms it comes at the same count
		if c.Confirmed {
			near = 0.9
		}
		if c.Blind {
			near *= quotaBlind
		}
		known := c.Quota
		if c.Grown {
			known /= 1 + c.Step
		}
		if c.Width == 0 || !c.contains(t.now) || c.Count+t.Rate.R*t.Latency.Message < near*known {
			continue
		}
		if !c.Blind {
			c.Quota = min(c.Quota, max(5, c.Count-1))
		}
		t.Episode.Strike = 0
		if !c.Confirmed && !c.Met {
			// Once may be chance: a little more is tried within the same window.
			c.Met = true
			t.Episode.Until = t.now.plus(clamp(c.end().since(t.now)/10, 3, 30))
			t.say(Slower, t.Rate.R, t.Rate.R, e, fmt.Sprintf("said %s after %.0f messages in this %s, as was guessed: trying once more at %s",
				e.words(), c.Count, widthName(c.Width), clock(t.Episode.Until)))
			return true
		}
		c.Refused, c.Confirmed = true, true
		t.Episode.Until = c.end().plus(1)
		if t.Rate.Mode == climbing {
			t.cruiseAt(t.Rate.Lo)
		}
		t.say(Measured, t.Rate.R, t.Rate.R, e, fmt.Sprintf("said %s after %.0f messages in this %s: such a quota was expected; waiting for %s",
			e.words(), c.Count, widthName(c.Width), clock(c.end())))
		return true
	}
	return false
}

// learnWindow looks for the clock window that explains why the block that
// has just ended did: the smallest one with a boundary after the last refused
// knock and just before now, in which no fewer were accepted than ever before
// in such a window.
func (t *turn) learnWindow() *window {
	h := &t.Hold
	if w := t.knownWindow(); w != nil {
		return w
	}
	for _, width := range clocks {
		c := window{Width: width, Gap: 1, Skip: 1}
		c.Step = c.growth()
		c.ID = c.id(h.Since)
		boundary := c.end()
		late := t.now.since(boundary)
		if boundary <= h.Refused.plus(0.5) || late < -1 || late > 0.05*roundness(boundary)+6 && !h.names(width) {
			continue
		}
		count := t.History.between(c.start(), c.end())
		if count < 4 || count < 0.8*t.History.best(width, c.start()) {
			continue
		}
		c.Quota = count
		return t.Windows.adopt(c, t.now, &t.History)
	}
	return nil
}

// roundness is the largest clock that has a boundary at a moment, in seconds.
// A block that ends at 10:20 may be any window of 5, 10 or 20 minutes; the
// smallest is guessed first, since a guess that is too small is found out at
// the next block, and one that is too large only wastes what was allowed.
func roundness(boundary moment) float64 {
	for i := len(clocks) - 1; i > 0; i-- {
		if math.Mod(float64(boundary), clocks[i]) == 0 {
			return clocks[i]
		}
	}
	return clocks[0]
}

// knownWindow returns a window already guessed that explains the block.
func (t *turn) knownWindow() *window {
	h := &t.Hold
	for i := range t.Windows.All {
		c := &t.Windows.All[i]
		if c.Width == 0 {
			continue
		}
		then := window{Width: c.Width}
		then.ID = then.id(h.Since)
		if b := then.end(); b <= h.Refused.plus(0.5) || b > t.now.plus(1) {
			continue
		}
		if count := t.History.between(then.start(), then.end()); count >= 0.5*c.Quota {
			c.Confirmed = true
			c.Quota = max(4, min(c.Quota, count))
			c.ID = c.id(t.now)
			c.Count = t.History.between(c.start(), c.end())
			return c
		}
	}
	return nil
}

// adopt puts a guess among the windows; finer guesses make room for it.
func (w *windows) adopt(c window, now moment, past *history) *window {
	c.ID = c.id(now)
	c.Count = past.between(c.start(), c.end())
	place := &w.All[0]
	for i := range w.All {
		old := &w.All[i]
		if old.Width == c.Width {
			c.Confirmed = old.Confirmed || math.Abs(c.Quota-old.Quota) <= 0.15*old.Quota+2
			c.Quota = max(4, min(c.Quota, old.Quota))
			place = old
			break
		}
		if old.Width == 0 || !old.Confirmed && place.Width != 0 {
			place = old
		}
	}
	for i := range w.All {
		if old := &w.All[i]; old.Width > 0 && old.Width < c.Width && !old.Confirmed {
			*old = window{}
		}
	}
	*place = c
	return place
}

// widthName writes a window's width in words.
func widthName(seconds float64) string {
	switch seconds {
	case 60:
		return "minute"
	case 3600:
		return "hour"
	case 86400:
		return "day"
	}
	return span(seconds)
}
