package web

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// The totals on pages are those of the rows behind them.
func TestTotalsAreThoseOfTheRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	settings, err := json.Marshal(campaign.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	pace, err := json.Marshal(pacing.New(pacing.Profile{}, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.SeedForBench(context.Background(), postgres.BenchSeed{Contacts: 1000, Providers: 20, Domains: 200, Imports: 5, Medium: 4, MediumSize: 200,
		Small: 4, SmallSize: 100, Now: time.Now().UTC().Truncate(time.Second), Content: []byte(`{"from_address": "ann@mill.test", "subject": "Apples", "markdown": "Apples"}`),
		Settings: settings, Paces: [][]byte{pace}}, func(postgres.BenchStep) {}); err != nil {
		t.Fatal(err)
	}
	for id := int64(1); id <= 9; id++ {
		var view campaignView
		if err := json.Unmarshal([]byte(b.get(fmt.Sprintf("/campaigns/%d.json", id)).body), &view); err != nil {
			t.Fatal(err)
		}
		var sum campaign.Counters
		for _, p := range view.Providers {
			sum = sum.Add(p.Counters)
		}
		if sum != view.Counters || !sum.AddsUp() {
			t.Errorf("campaign %d: providers add up to %+v, the whole is %+v", id, sum, view.Counters)
		}
		if n := b.number(`select count(*) from deliveries where campaign_id = $1`, id); n != sum.Targeted || n == 0 {
			t.Errorf("campaign %d: %d targeted, %d rows", id, sum.Targeted, n)
		}
		for _, state := range campaign.DeliveryStates {
			if n := b.number(`select count(*) from deliveries where campaign_id = $1 and state = $2::text::delivery_state`, id, string(state)); n != sum.Of(state) {
				t.Errorf("campaign %d: %d %s, %d rows", id, sum.Of(state), state, n)
			}
		}
		report := b.get(fmt.Sprintf("/campaigns/%d/report", id))
		b.contains(report, count(sum.Delivered), "Counted ")
	}
	lists := b.get("/lists")
	for id := int64(1); id <= 12; id++ {
		if n := b.number(`select count(*) from list_members where list_id = $1`, id); n > 0 {
			b.contains(lists, fmt.Sprintf(`href="/lists/%d/members">%s<`, id, count(n)))
		}
	}
	for _, path := range []string{"/", "/campaigns", "/providers", "/providers/1", "/replies?for=7d", "/suppressions", "/imports", "/imports/5/undo", "/lists/1/ask/mend-typos", "/contacts/500"} {
		b.get(path)
	}
}
