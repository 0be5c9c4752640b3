package jobs

import (
	"fmt"
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

// A launch in many ranges, two at a time, has everybody once.
func TestLaunchHasEverybodyOnce(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), storetest.Open(t, 6)
	const readers = 30 * launchFirst
	for _, sql := range []string{
		`insert into lists (name, created_at) values ('Readers', now())`,
		`insert into domains (name) values ('a.test'), ('b.test')`,
		fmt.Sprintf(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
		 select a, a, a, d.id, now(), now(), now() from domains d, generate_series(1, %d) n, lateral (select format('r%%s@%%s', n, d.name) as a) address`, readers/2),
		`insert into list_members (list_id, contact_id, status, since) select l.id, c.id, 'subscribed', now() - interval '1 hour' from lists l, contacts c`,
	} {
		if _, err := store.Pool().Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	id, err := store.CreateCampaign(ctx, postgres.NewCampaign{Name: "Notes", Weight: 4, Settings: campaign.DefaultSettings(), TimeZone: "UTC",
		Lists: []string{"Readers"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Launch, At: time.Now()}, nil); err != nil {
		t.Fatal(err)
	}
	w := &launchWorker{bulk: &Bulk{Store: store}}
	for range 2 { // the second finds it done
		if err := w.Work(ctx, &river.Job[launchArgs]{Args: launchArgs{Campaign: id}}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := store.Campaign(ctx, id)
	if err != nil || !c.LaunchDone || c.Audience.WillReceive != readers || c.Counters.Targeted != readers {
		t.Errorf("%+v, %+v, %v", c.Audience, c.Counters, err)
	}
	var contacts int
	if err := store.Pool().QueryRow(ctx, `select count(distinct contact_id) from deliveries where campaign_id = $1`, id).Scan(&contacts); err != nil || contacts != readers {
		t.Errorf("%d contacts stand in the ledger, %v", contacts, err)
	}
}

// Batches grow while they are quick, shrink when they take long, and stay
// within bounds.
func TestNextBatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size int
		took time.Duration
		want int
	}{
		"quick":            {500, 50 * time.Millisecond, 2000},
		"as it should be":  {20_000, 600 * time.Millisecond, 20_000},
		"too long":         {50_000, 2200 * time.Millisecond, 25_000},
		"quick and large":  {40_000, 100 * time.Millisecond, launchMost},
		"small and stands": {600, time.Minute, 600},
		"not too small":    {20_000, time.Minute, launchLeast},
	} {
		if got := nextBatch(test.size, test.took); got != test.want {
			t.Errorf("%s: %d after %d, want %d", name, got, test.size, test.want)
		}
	}
}
