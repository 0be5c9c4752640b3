package postgres

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// seedSmall fills a database as `headway bench seed` does, with little.
func seedSmall(t testing.TB, s *Store) BenchSeed {
	t.Helper()
	settings, err := json.Marshal(campaign.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	b := BenchSeed{Contacts: 2000, Providers: 20, Domains: 60, Imports: 5, Medium: 4, MediumSize: 200, Small: 8, SmallSize: 50,
		Now: time.Now().UTC().Truncate(time.Second), Content: []byte(`{"from_address": "ann@mill.test", "markdown": "Apples"}`), Settings: settings,
		Paces: [][]byte{[]byte(`{}`)}}
	if err := s.SeedForBench(context.Background(), b, func(BenchStep) {}); err != nil {
		t.Fatal(err)
	}
	return b
}

// What is filled in adds up: counters are those of the rows, and every summary
// says what stands behind it.
func TestBenchSeedAddsUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := seedSmall(t, s)
	checked, err := s.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if checked.Deliveries != int64(b.Deliveries()) || checked.Campaigns != int64(1+b.Medium+b.Small) || len(checked.Differences) > 0 {
		t.Errorf("%d deliveries of %d campaigns, wanted %d of %d; differences: %+v", checked.Deliveries, checked.Campaigns, b.Deliveries(),
			1+b.Medium+b.Small, checked.Differences)
	}
	for name, sql := range map[string]string{
		"contacts by import":       `select (select count(*) from contacts) - (select sum((counts ->> 'new')::bigint) from imports)`,
		"rows by import":           `select sum((counts ->> 'rows')::bigint - (counts ->> 'new')::bigint - (counts ->> 'duplicate')::bigint) - (select count(*) from import_rejects) from imports`,
		"members by verification":  `select (select count(*) from list_members) - (select sum(contacts_total) from verifications)`,
		"accepted by minute":       `select (select count(*) from deliveries where state = 'delivered' and provider_id is not null) - (select sum(accepted) from provider_minutes)`,
		"failed by minute":         `select (select count(*) from attempts where outcome in ('deferred', 'bounced') and provider_id > 0) - (select sum(deferred + bounced) from provider_minutes)`,
		"attempts that failed":     `select sum(attempts - (state = 'delivered')::int) - (select count(*) from attempts) from deliveries`,
		"targets by audience":      `select (select count(*) from deliveries) - (select sum((audience ->> 'will_receive')::bigint) from campaigns)`,
		"twice in a campaign":      `select count(*) - count(distinct (campaign_id, contact_id)) from deliveries`,
		"audiences that add up":    `select count(*) from campaigns where audience ? 'in_lists' and (audience ->> 'in_lists')::bigint <> (select sum(value::bigint) from jsonb_each_text(audience) where key in ('excluded', 'unsubscribed', 'unconfirmed', 'suppressed', 'undeliverable', 'held', 'will_receive'))`,
		"domains without provider": `select count(*) from deliveries d join domains o on o.id = d.domain_id where d.provider_id is distinct from o.provider_id`,
	} {
		var difference int64
		if err := s.pool.QueryRow(context.Background(), sql).Scan(&difference); err != nil || difference != 0 {
			t.Errorf("%s: off by %d, %v", name, difference, err)
		}
	}
	for _, state := range []campaign.DeliveryState{campaign.Queued, campaign.Deferred, campaign.Delivered, campaign.Bounced, campaign.DeliveryCancelled} {
		var n int64
		if err := s.pool.QueryRow(context.Background(), `select count(*) from deliveries where state = $1::text::delivery_state`, string(state)).Scan(&n); err != nil || n == 0 {
			t.Errorf("nothing is %s, %v", state, err)
		}
	}
	if err := s.SeedForBench(context.Background(), b, func(BenchStep) {}); err == nil {
		t.Error("a database with contacts was filled again")
	}
}
