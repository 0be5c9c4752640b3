package delivery

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign"
)

// clocks are a machine's and a database's that can be wrong, and the engine's.
type clocks struct {
	machine, database time.Duration // by how much they are wrong
	*clock
}

func newClocks(machine, database time.Duration) *clocks {
	c := &clocks{machine: machine, database: database}
	c.clock = newClock(func() time.Time { return time.Now().Add(c.machine).Round(0) }, time.Now().Add(database))
	return c
}

// wrong is by how much the engine's clock is wrong.
func (c *clocks) wrong() time.Duration {
	c.hear(time.Now().Add(c.database))
	return time.Until(c.now())
}

func TestClock(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		machine, database time.Duration // at the start
		then              func(*clocks)
		want              time.Duration // how wrong the engine's clock is ten minutes later
	}{
		"all is well":                {},
		"the machine jumps ahead":    {then: func(c *clocks) { c.machine = time.Hour }},
		"the machine jumps back":     {then: func(c *clocks) { c.machine = -time.Hour }},
		"the database jumps ahead":   {then: func(c *clocks) { c.database = time.Hour }},
		"the database jumps back":    {then: func(c *clocks) { c.database = -time.Hour }},
		"both ahead, as after sleep": {then: func(c *clocks) { c.machine, c.database = time.Hour, time.Hour }, want: time.Hour},
		"both back, a tenth slow":    {then: func(c *clocks) { c.machine, c.database = -time.Hour, -time.Hour }, want: -time.Minute},
		"both back by little":        {then: func(c *clocks) { c.machine, c.database = -30*time.Second, -30*time.Second }, want: -30 * time.Second},
		"begun with a slow machine":  {machine: -time.Hour},
		"begun with a slow database": {database: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClocks(test.machine, test.database)
				if test.then != nil {
					c.wrong()
					test.then(c)
				}
				c.wrong()
				time.Sleep(10 * time.Minute)
				if got := c.wrong(); got != test.want {
					t.Errorf("wrong by %s, want %s", got, test.want)
				}
			})
		})
	}
}

// Whatever clocks do, the engine's is never set back, and where neither of the
// others is far off it is not either.
func TestClockLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			jump := rapid.Int64Range(-7200, 7200)
			c := newClocks(0, 0)
			last := c.now()
			for range rapid.IntRange(1, 40).Draw(r, "steps") {
				switch rapid.IntRange(0, 3).Draw(r, "what") {
				case 0:
					c.machine = time.Duration(jump.Draw(r, "machine")) * time.Second
				case 1:
					c.database = time.Duration(jump.Draw(r, "database")) * time.Second
				}
				time.Sleep(time.Duration(rapid.Int64Range(0, 600).Draw(r, "passes")) * time.Second)
				c.wrong()
				at := c.now()
				if at.Before(last) {
					t.Fatalf("set back by %s", last.Sub(at))
				}
				last = at
			}
			c.machine, c.database = 0, 0
			c.wrong()
			time.Sleep(40 * time.Hour)
			if got := c.wrong(); got != 0 {
				t.Fatalf("all clocks are right, and it is wrong by %s", got)
			}
		})
	})
}

// A machine's clock that jumps, either way and back, keeps no mail waiting.
func TestMailFlowsThroughJumpsOfTheClock(t *testing.T) {
	t.Parallel()
	var wrong atomic.Int64 // seconds
	r := receive(t, func(string) error {
		time.Sleep(10 * time.Millisecond)
		return nil
	})
	g := start(t, r, rigConfig{contacts: 800, start: 150, fastest: 150,
		clock: func() time.Time { return time.Now().Add(time.Duration(wrong.Load()) * time.Second).Round(0) }})
	for i, jump := range []int64{3600, 0, -3600, 0} {
		until(t, time.Minute, "the next hundred transactions", func() bool {
			_, n := r.last()
			return n >= 100*(i+1)
		})
		wrong.Store(jump)
	}
	until(t, time.Minute, "finished", func() bool {
		c, err := g.store.Campaign(t.Context(), g.campaign)
		return err == nil && c.State == campaign.Finished
	})
	if got := g.counters(); got.Delivered != 800 {
		t.Errorf("counted %+v", got)
	}
	for n := 1; n <= 800; n++ {
		if got := r.copies(isReader(n)); got != 1 {
			t.Errorf("%s got %d messages", isReader(n), got)
		}
	}
	g.balanced()
}
