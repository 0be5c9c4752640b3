package delivery

import (
	"math"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// Three campaigns of weights 1:1:2 share one limited provider accordingly.
func TestCampaignsShareAProvider(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 1600, start: 100, fastest: 100, lanes: 4})
	ids := []int64{g.campaign, g.newsletter(g.store, "Second", "sender.test", 4), g.newsletter(g.store, "Third", "sender.test", 8)}
	weights := []float64{1, 1, 2}
	delivered := func() []float64 {
		counts := make([]float64, len(ids))
		for i, id := range ids {
			c, err := g.store.Campaign(t.Context(), id)
			g.must(err)
			counts[i] = float64(c.Counters.Delivered)
		}
		return counts
	}
	until(t, 60*time.Second, "all three are sent", func() bool {
		n := delivered()
		return n[0] > 0 && n[1] > 0 && n[2] > 0
	})
	before := delivered()
	const sample = 1500.0
	var got []float64
	until(t, 90*time.Second, "a sample", func() bool {
		got = delivered()
		sum := 0.0
		for i := range got {
			got[i] -= before[i]
			sum += got[i]
		}
		return sum >= sample
	})
	sum := got[0] + got[1] + got[2]
	var line, square float64
	for i, n := range got {
		want := weights[i] / 4
		if off := math.Abs(n/sum - want); off > 0.02 {
			t.Errorf("campaign %d got %.1f %% of the mail; want %.0f", i+1, 100*n/sum, 100*want)
		}
		line += n / weights[i]
		square += n / weights[i] * n / weights[i]
	}
	jain := line * line / (3 * square)
	t.Logf("of %.0f messages the three got %.1f, %.1f and %.1f %%; Jain %.4f", sum, 100*got[0]/sum, 100*got[1]/sum, 100*got[2]/sum, jain)
	if jain < 0.99 {
		t.Errorf("Jain's index is %.4f; want at least 0.99", jain)
	}
}

// However heavy the others are, each campaign gets a twentieth; an urgent one
// passes the rest.
func TestTurnsLeastShare(t *testing.T) {
	t.Parallel()
	var turns turns
	turns.update([]postgres.Due{dueNow(1, 1), dueNow(2, 16), dueNow(3, 16)})
	counts := take(&turns, 4000, 1)
	if share := float64(counts[1]) / 4000; share < 0.049 || share > 0.055 {
		t.Errorf("the lightest gets %.1f %%; want 5", 100*share)
	}
	var urgent = dueNow(9, 16)
	turns.update([]postgres.Due{urgent, dueNow(4, 1), dueNow(5, 1), dueNow(6, 1)})
	counts = take(&turns, 4000, 1)
	if share := float64(counts[9]) / 4000; share < 0.83 {
		t.Errorf("an urgent campaign gets %.0f %% beside three of low weight", 100*share)
	}
}
