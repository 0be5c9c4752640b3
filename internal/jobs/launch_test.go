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
