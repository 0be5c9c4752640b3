package service

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// Mail that waits for the morning of its readers is not counted as if it could
// go now.
func TestEstimatesKnowReadersZones(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	var a campaign.Audience
	a.WillReceive = 1000
	a.PutOff(at.Add(11*time.Hour), 300)
	a.PutOff(at.Add(5*time.Hour), 500)
	a.PutOff(at.Add(-3*time.Hour), 200)
	for name, test := range map[string]struct {
		counters campaign.Counters
		ready    int64
		later    []int64
	}{
		"nothing went out yet":    {campaign.Counters{Targeted: 100, Queued: 100}, 20, []int64{50, 30}},
		"what could go is gone":   {campaign.Counters{Targeted: 100, Queued: 80, Delivered: 20}, 0, []int64{50, 30}},
		"only the last are there": {campaign.Counters{Targeted: 100, Queued: 30, Delivered: 70}, 0, []int64{30}},
		"retries are no waiting":  {campaign.Counters{Targeted: 100, Queued: 80, Deferred: 20}, 20, []int64{50, 30}},
	} {
		w := workOf(test.counters, postgres.DueLater{}, at)
		w.putOff(a, test.counters, at)
		var later []int64
		for _, wave := range w.Later {
			later = append(later, wave.N)
		}
		if diff := cmp.Diff(test.later, later); diff != "" || w.Ready != test.ready {
			t.Errorf("%s: %d may go now, want %d; %s", name, w.Ready, test.ready, diff)
		}
		if w.Left() != test.counters.Waiting() {
			t.Errorf("%s: %d are left of %d", name, w.Left(), test.counters.Waiting())
		}
	}
}
