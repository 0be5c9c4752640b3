package delivery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// elsewhen is a window that is closed for days, or, with now, one that is open.
func elsewhen(now bool) campaign.Window {
	at := time.Now().UTC()
	if !now {
		at = at.AddDate(0, 0, 3)
	}
	days := []string{campaign.WindowDays[(int(at.Weekday())+6)%7], campaign.WindowDays[int(at.Weekday())]} // and the day after, for tests at midnight
	return campaign.Window{Days: days, From: "00:00", To: "00:00", Zone: "UTC"}
}

func (g *rig) setWindow(id int64, w campaign.Window) {
	g.t.Helper()
	written, err := json.Marshal(map[string]campaign.Window{"window": w})
	g.must(err)
	_, err = g.store.Pool().Exec(g.t.Context(), `update campaigns set settings = settings || $2 where id = $1`, id, written)
	g.must(err)
}

// Outside its window nothing of a campaign goes out, while others go on; as it
// opens, the rest does, each message once.
func TestNothingGoesOutsideTheWindow(t *testing.T) {
	t.Parallel()
	r := receive(t, func(string) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	g := start(t, r, rigConfig{contacts: 400, start: 100})
	delivered := func(id int64) campaign.Counters {
		c, err := g.store.Campaign(t.Context(), id)
		g.must(err)
		return c.Counters
	}
	until(t, time.Minute, "thirty are delivered", func() bool { return g.counters().Delivered >= 30 })
	g.setWindow(g.campaign, elsewhen(false))
	until(t, 30*time.Second, "the window is known", func() bool { return g.Engine.watch.closed(g.campaign, time.Now()) })
	until(t, 30*time.Second, "what was in hand is given back, and all is counted", func() bool {
		return g.text(`select (select count(*) from claims) || ' ' || (select count(*) from uncounted)`) == "0 0"
	})
	before := g.counters()
	if before.Queued == 0 {
		t.Fatal("everything went out before the window closed; the test shows nothing")
	}
	other := g.newsletter(g.store, "Other", "sender.test", 4)
	until(t, time.Minute, "the other campaign is finished", func() bool { return delivered(other).Delivered == 400 })
	if after := g.counters(); after != before {
		t.Errorf("outside the window %+v became %+v", before, after)
	}
	g.setWindow(g.campaign, elsewhen(true))
	until(t, time.Minute, "finished", func() bool {
		c, err := g.store.Campaign(t.Context(), g.campaign)
		return err == nil && c.State == campaign.Finished
	})
	for n := 1; n <= 400; n++ {
		if got := r.copies(isReader(n)); got != 2 {
			t.Errorf("%s got %d messages of two campaigns", isReader(n), got)
		}
	}
	g.balanced()
}
