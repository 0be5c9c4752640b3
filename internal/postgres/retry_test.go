package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// TestRetry finishes a campaign with a delivery in every final state and retries
// some: these alone are queued, the counters stay equal to the ledger, and the
// campaign finishes again.
func TestRetry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.join("Readers", "a@a.test", "b@a.test", "c@a.test", "d@a.test", "e@a.test", "f@a.test", "g@a.test")
	id, at := w.launch("Readers"), w.at("a.test")
	ends := map[string]campaign.DeliveryState{"a@a.test": campaign.Delivered, "b@a.test": campaign.Bounced, "c@a.test": campaign.Expired,
		"d@a.test": campaign.Suppressed, "e@a.test": campaign.DeliveryCancelled, "f@a.test": campaign.InDoubt, "g@a.test": campaign.Expired}
	for _, d := range w.claim(id, at, 1, 10) {
		o := w.refused(d, at, ends[d.Address], 451, "451 4.3.0 not now")
		if ends[d.Address] == campaign.Delivered {
			o = w.accepted(d, at)
		}
		w.record(o)
	}
	states := func() map[string]string {
		rows, err := w.pool.Query(ctx, `select c.address, d.state::text from deliveries d join contacts c on c.id = d.contact_id where d.campaign_id = $1`, id)
		w.must(err)
		got := make(map[string]string)
		var address, state string
		_, err = pgx.ForEachRow(rows, []any{&address, &state}, func() error { got[address] = state; return nil })
		w.must(err)
		return got
	}
	chosen := []campaign.DeliveryState{campaign.Expired, campaign.Bounced, campaign.InDoubt}
	none := func(pgx.Tx, map[campaign.DeliveryState]int64) error { return nil }
	if err := w.Retry(ctx, id, chosen, w.now, none); !errors.Is(err, campaign.ErrTransition) {
		t.Fatalf("a sending campaign was retried: %v", err)
	}
	w.change(id, campaign.Finish)
	w.exec(`insert into suppressions (kind, scope, key, reason, created_at) values ('address', 'global', 'g@a.test', 'complained', $1)`, w.now)

	later := w.now.Add(72 * time.Hour)
	plan, err := w.Retryable(ctx, id, chosen, later)
	w.must(err)
	if diff := cmp.Diff([]RetryCount{{campaign.Expired, 1, 1}, {campaign.Bounced, 1, 0}, {campaign.InDoubt, 1, 0}}, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	broken := errors.New("broken")
	if err := w.Retry(ctx, id, chosen, later, func(pgx.Tx, map[campaign.DeliveryState]int64) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got := states()["b@a.test"]; got != "bounced" {
		t.Errorf("what was broken off left %s", got)
	}
	var counts map[campaign.DeliveryState]int64
	w.must(w.Retry(ctx, id, chosen, later, func(_ pgx.Tx, c map[campaign.DeliveryState]int64) error { counts = c; return nil }))
	if diff := cmp.Diff(map[campaign.DeliveryState]int64{campaign.Expired: 1, campaign.Bounced: 1, campaign.InDoubt: 1}, counts); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	want := map[string]string{"a@a.test": "delivered", "b@a.test": "queued", "c@a.test": "queued", "d@a.test": "suppressed",
		"e@a.test": "cancelled", "f@a.test": "queued", "g@a.test": "expired"}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if c := w.totals(id); c.Queued != 3 || c.Targeted != 7 {
		t.Errorf("counted %+v", c)
	}

	w.now = later
	for _, d := range w.claim(id, at, 1, 10) {
		if d.FirstAttempt != nil || d.Attempts != 1 {
			t.Errorf("%s is claimed with %d attempts, the first at %v", d.Address, d.Attempts, d.FirstAttempt)
		}
		w.record(w.accepted(d, at))
	}
	if c := w.totals(id); c.Delivered != 4 || c.AcceptedFirst != 1 || c.Waiting() != 0 {
		t.Errorf("counted %+v", c)
	}
	w.change(id, campaign.Finish)
}
