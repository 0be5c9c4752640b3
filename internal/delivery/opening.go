package delivery

import (
	"context"
	"slices"
	"time"
)

// openingPoll is how often a lane looks whether it may open a connection, where
// no round tells it.
const openingPoll = 20 * time.Millisecond

// goingFor is how long a server may count a connection that said goodbye: one
// opened in its place at once would be one too many.
const goingFor = 50 * time.Millisecond

// mayOpen waits up to wait until one more connection may be opened. The cap of
// connections, how many may be opening at once, and the least time between two
// openings hold over all nodes; a round says what of it is ours.
func (g *gate) mayOpen(ctx context.Context, wait time.Duration) *opening {
	deadline := g.now().Add(wait)
	g.count(&g.openers, 1)
	defer g.count(&g.openers, -1)
	for asked := false; ; asked = true {
		now := g.now()
		pause, ok := g.tryOpen(now)
		if ok {
			return g.begin()
		}
		if now.Add(pause).After(deadline) {
			return nil
		}
		if !asked {
			g.mu.Lock()
			g.urge()
			g.mu.Unlock()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		case <-g.drain:
			return nil
		}
	}
}

// tryOpen books an opening, or returns when to look again.
func (g *gate) tryOpen(now time.Time) (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = slices.DeleteFunc(g.gone, func(at time.Time) bool { return now.Sub(at) > goingFor })
	if !g.fresh(now) || g.open+g.opening+len(g.gone) >= g.allowed || g.opening >= g.atOnce {
		return openingPoll, false
	}
	if g.own.pace.OpenGap > 0 {
		if g.openAt.IsZero() {
			return openingPoll, false
		}
		if now.Before(g.openAt) {
			return g.openAt.Sub(now), false
		}
		g.openAt = time.Time{}
	} else if now.Before(g.own.pace.OpenAfter) {
		return g.own.pace.OpenAfter.Sub(now), false
	}
	g.opening++
	return 0, true
}

func (g *gate) count(n *int, by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*n += by
}

// slowOpening is from when on an opening does not keep others from theirs: a
// server that lets us wait for its greeting has counted us already, and would
// otherwise get one connection at a time.
const slowOpening = 2 * time.Second

// opening is a connection that is being opened.
type opening struct {
	gate *gate
	slow *time.Timer // runs until it counts as open
}

// begin watches an opening.
func (g *gate) begin() *opening {
	return &opening{gate: g, slow: time.AfterFunc(slowOpening, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.opening--
		g.open++
	})}
}

// end ends it.
func (o *opening) end(ok bool) {
	quick := o.slow.Stop()
	g := o.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if quick {
		g.opening--
		g.open++
	}
	if !ok {
		g.open--
	}
}

// closed counts a connection that ended.
func (g *gate) closed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.gone = append(g.gone, g.now())
}

// crowded reports whether this node has more connections than it may.
func (g *gate) crowded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fresh(g.now()) && g.open > g.allowed
}
