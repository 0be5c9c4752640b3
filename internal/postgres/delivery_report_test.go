package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
)

// The report adds up the campaigns of a span, and knows of the one before it.
func TestDeliveryReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.now = noon.AddDate(0, 0, -50)
	w.join("Readers", "a@a.test", "b@a.test", "c@a.test", "d@b.test", "e@c.test")
	w.look("a.test", "north.test")
	w.look("b.test", "north.test")
	w.look("c.test", "south.test")
	north := w.provider("north.test")
	send := func(day int, states map[string]string) {
		w.now = noon.AddDate(0, 0, day)
		w.exec(`update domains set expires_at = $1`, noon.AddDate(1, 0, 0))
		id := w.launch("Readers")
		for address, change := range states {
			w.exec(`update deliveries d set `+change+`, first_attempt_at = $3 from contacts c where c.id = d.contact_id and d.campaign_id = $1 and c.address = $2`, id, address, w.now)
		}
		w.exec(`update deliveries set updated_at = first_attempt_at + interval '10 seconds' where campaign_id = $1 and state = 'delivered'`, id)
		w.recount(id)
	}
	send(-40, map[string]string{"a@a.test": "state = 'delivered'", "b@a.test": "state = 'bounced', class = 'bad_mailbox'"})
	send(-2, map[string]string{"a@a.test": "state = 'delivered'", "b@a.test": "state = 'delivered'", "c@a.test": "state = 'bounced', class = 'content_spam'",
		"d@b.test": "state = 'bounced', class = 'bad_mailbox'"})
	w.exec(`insert into suppressions (scope, kind, key, reason, evidence, created_at) values ('global', 'address', 'a@a.test', 'complained', '{}', $1)`, w.now)

	since, before := noon.AddDate(0, 0, -30), noon.AddDate(0, 0, -60)
	got, err := w.DeliveryByProvider(ctx, since, before, 10)
	w.must(err)
	const ten = 10 * time.Second
	want := []DeliveryLine{
		{ID: north, Name: "Provider north.test", Counters: campaign.Counters{Targeted: 4, Delivered: 2, Bounced: 2}, Hard: 1, Complaints: 1, Median: ten, P95: ten, Before: 1, BeforeTried: 2},
		{ID: w.provider("south.test"), Name: "Provider south.test", Counters: campaign.Counters{Targeted: 1, Queued: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by provider (-want +got):\n%s", diff)
	}
	if got, err = w.DeliveryByDomain(ctx, since, before, north, 10); err != nil {
		t.Fatal(err)
	}
	want = []DeliveryLine{
		{ID: w.domain("a.test"), Name: "a.test", Provider: "Provider north.test", Counters: campaign.Counters{Targeted: 3, Delivered: 2, Bounced: 1}, Complaints: 1, Median: ten, P95: ten, Before: 1, BeforeTried: 2},
		{ID: w.domain("b.test"), Name: "b.test", Provider: "Provider north.test", Counters: campaign.Counters{Targeted: 1, Bounced: 1}, Hard: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by domain (-want +got):\n%s", diff)
	}
	if got, err = w.DeliveryByDomain(ctx, since, before, 0, 10); err != nil || len(got) != 3 {
		t.Errorf("%d domains in all, %v", len(got), err)
	}
	if got, err = w.DeliveryByProvider(ctx, noon, since, 10); err != nil || len(got) != 0 {
		t.Errorf("%v of the future, %v", got, err)
	}
}
