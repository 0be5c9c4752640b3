package delivery

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// clockEvery is how often the database is asked for the time.
	clockEvery = 5 * time.Second
	// clockTrip is how long the answer may take to be believed.
	clockTrip = time.Second
	// clockApart is from what difference on two clocks are said to differ.
	clockApart = time.Minute
	// clockSlows is the share of its speed that the clock gives up where it is
	// ahead of others: little, as permits come by it.
	clockSlows = 10
)

// clock is the time by which an engine works: of the machine's clock, the
// database's, and its own, which counts on from what it showed last, always the
// middle one. So no single clock that jumps is followed, and two that jump
// together are: a machine that slept. But it is never set back: what was due
// stays due, and permits stay usable. It is a tenth slow instead until the others
// have caught up.
type clock struct {
	wall func() time.Time // the machine's

	mu     sync.Mutex
	shown  time.Time // guarded by mu; the last time that was told, without its monotonic reading
	read   time.Time // guarded by mu; when that was, by the monotonic clock
	theirs time.Time // guarded by mu; the database's
	heard  time.Time // guarded by mu; when that was, by the monotonic clock
}

// newClock returns a clock that begins with the later of the machine's and the
// database's: a node that starts with a slow clock finds due what is due.
func newClock(wall func() time.Time, theirs time.Time) *clock {
	c := &clock{wall: wall, read: time.Now(), shown: wall().Round(0)}
	c.hear(theirs)
	if c.theirs.After(c.shown) {
		c.shown = c.theirs
	}
	return c
}

// hear takes in what the database's clock says now.
func (c *clock) hear(theirs time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.theirs, c.heard = theirs.Round(0), time.Now()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, read := c.wall(), time.Now()
	passed := read.Sub(c.read)
	three := []time.Time{wall.Round(0), c.theirs.Add(read.Sub(c.heard)), c.shown.Add(passed)}
	slices.SortFunc(three, time.Time.Compare)
	at := three[1]
	if least := c.shown.Add(passed - passed/clockSlows); at.Before(least) {
		at = least
	}
	c.shown, c.read = at, read
	if at.Equal(wall.Round(0)) {
		return wall // with its monotonic reading
	}
	return at
}

// differs returns by how much the database's clock is ahead of the machine's.
func (c *clock) differs() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.theirs.Add(time.Since(c.heard)).Sub(c.wall().Round(0))
}

// keepTime asks the database for the time again and again, until ctx ends, and
// tells when it is not the machine's.
func (e *Engine) keepTime(ctx context.Context) {
	ticker := time.NewTicker(clockEvery)
	defer ticker.Stop()
	for told := false; ; {
		asked := time.Now()
		if theirs, err := e.store.Clock(ctx); err == nil && time.Since(asked) < clockTrip {
			e.clock.hear(theirs)
		}
		apart := e.clock.differs()
		if differ := apart.Abs() >= clockApart; differ != told {
			told = differ
			level, words := slog.LevelInfo, "this machine's clock and the database's agree again"
			if differ {
				level, words = slog.LevelWarn, "this machine's clock and the database's differ; set the wrong one right"
			}
			e.log.Log(ctx, level, words, "database_ahead", apart.Round(time.Second))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
