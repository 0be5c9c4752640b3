package jobs

import (
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

// A campaign whose time was missed by little starts; one that was missed by much
// becomes a draft again, and says why.
func TestMissedSchedule(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := storetest.Open(t, 4)
	w := &launchWorker{bulk: &Bulk{Store: store}}
	for name, test := range map[string]struct {
		late time.Duration
		want campaign.State
	}{"by an hour": {time.Hour, campaign.Sending}, "by three hours": {3 * time.Hour, campaign.Draft}} {
		at := time.Now().UTC().Add(-test.late).Truncate(time.Second)
		id, err := store.CreateCampaign(ctx, postgres.NewCampaign{Name: name, Weight: 4, Settings: campaign.DefaultSettings(), TimeZone: "UTC"}, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Schedule, At: at, Start: at, TimeZone: "UTC"}, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.Work(ctx, &river.Job[launchArgs]{Args: launchArgs{Campaign: id, At: at}}); err != nil {
			t.Fatal(err)
		}
		c, err := store.Campaign(ctx, id)
		if err != nil || c.State != test.want {
			t.Errorf("missed %s: %s, %v, want %s", name, c.State, err, test.want)
		}
		if said, err := store.HasEvent(ctx, id, "warning"); err != nil || said != (test.want == campaign.Draft) {
			t.Errorf("missed %s: said %t, %v", name, said, err)
		}
	}
}

// Batches grow while they are quick, shrink when they keep whoever pauses the
// campaign waiting, and stay within bounds.
func TestNextBatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size int
		took time.Duration
		want int
	}{
		"quick":            {500, 50 * time.Millisecond, 2000},
		"as it should be":  {20_000, 600 * time.Millisecond, 20_000},
		"too long":         {20_000, 1200 * time.Millisecond, 10_000},
		"quick and large":  {40_000, 100 * time.Millisecond, launchMost},
		"small and stands": {600, time.Minute, launchFirst},
	} {
		if got := nextBatch(test.size, test.took); got != test.want {
			t.Errorf("%s: %d after %d, want %d", name, got, test.size, test.want)
		}
	}
}
