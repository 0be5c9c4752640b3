package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
)

// Counters stay where they are until somebody counts, and then hold every outcome
// once, however many count at one time.
func TestCount(t *testing.T) {
	t.Parallel()
	const each = 3 * uncountedRow
	w := newWorld(t)
	w.crowd("Readers", each, "a.test", "b.test")
	id := w.launch("Readers")
	before := w.totals(id)
	for _, domain := range []string{"a.test", "b.test"} {
		provider := w.at(domain)
		claimed := w.claim(id, provider, 1, each)
		outcomes := make([]Outcome, len(claimed))
		for i, d := range claimed {
			outcomes[i] = w.accepted(d, provider)
			if i%3 == 0 {
				outcomes[i] = w.refused(d, provider, campaign.Deferred, 421, "slow down")
			}
		}
		w.must(w.Record(context.Background(), outcomes))
	}
	c, err := w.Campaign(context.Background(), id)
	w.must(err)
	if diff := cmp.Diff(before, c.Counters); diff != "" {
		t.Errorf("counted before its time: %s", diff)
	}
	w.balanced() // all the same: what waits to be counted is known
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() { w.must(w.Count(context.Background())) })
	}
	counting.Wait()
	want := campaign.Counters{Targeted: 2 * each, Deferred: 2 * each / 3, Delivered: 4 * each / 3, AcceptedFirst: 4 * each / 3}
	if got := w.totals(id); got != want {
		t.Errorf("counted %+v; want %+v", got, want)
	}
	if n := one[int](w, `select count(*) from uncounted`); n != 0 {
		t.Errorf("%d rows are still not counted", n)
	}
	if throttled := one[int](w, `select sum(throttled)::int from provider_minutes`); throttled != 2*each/3 {
		t.Errorf("the minutes say %d throttled; want %d", throttled, 2*each/3)
	}
}

// Who finds another counting knows that it has to come back: the other may have
// looked too early.
func TestTryCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	other, err := w.pool.Begin(ctx)
	w.must(err)
	defer func() { _ = other.Rollback(ctx) }() // after the first rollback nothing is left
	var held bool
	w.must(other.QueryRow(ctx, sqlCountAlone).Scan(&held))
	for _, want := range []bool{false, true} {
		alone, err := w.TryCount(ctx)
		w.must(err)
		if alone != want {
			t.Errorf("alone: %v, want %v", alone, want)
		}
		_ = other.Rollback(ctx) // the second time nothing is left
	}
}

// A message that comes back before its acceptance was counted.
func TestCountAfterReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "a@a.test")
	id := w.launch("Readers")
	provider := w.at("a.test")
	d := w.claim(id, provider, 1, 1)[0]
	w.must(w.Record(context.Background(), []Outcome{w.accepted(d, provider)}))
	w.report(d, "no such user")
	w.balanced()
	if got, want := w.totals(id), (campaign.Counters{Targeted: 1, Bounced: 1}); got != want {
		t.Errorf("counted %+v; want %+v", got, want)
	}
}

// A campaign is not finished while an outcome of it is not counted: its report
// would change afterwards.
func TestFinishedIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "a@a.test")
	id := w.launch("Readers")
	provider := w.at("a.test")
	d := w.claim(id, provider, 1, 1)[0]
	w.must(w.Record(context.Background(), []Outcome{w.refused(d, provider, campaign.Deferred, 452, "full")}))
	w.now = w.now.Add(100 * time.Hour)
	if n, err := w.ExpireBatch(context.Background(), id, w.now, 10, w.now); n != 1 || err != nil {
		t.Fatalf("%d expired: %v", n, err)
	}
	for _, want := range [][]int64{{}, {id}} {
		got, err := w.FinishableCampaigns(context.Background())
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.must(w.Count(context.Background()))
	}
	if got, want := w.totals(id), (campaign.Counters{Targeted: 1, Expired: 1}); got != want {
		t.Errorf("counted %+v; want %+v", got, want)
	}
}
