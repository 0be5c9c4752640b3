package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// putOff launches a campaign to n readers at two providers, all of whom
// were put off for an hour.
func (w *world) putOff(n int) (id, first, second int64) {
	w.t.Helper()
	w.crowd("Readers", n/2, "a.test", "b.test")
	first, second = w.at("a.test"), w.at("b.test")
	id = w.launch("Readers")
	for _, provider := range []int64{first, second} {
		for _, d := range w.claim(id, provider, 1, 1000) {
			o := w.refused(d, provider, campaign.Deferred, 421, "4.7.0 slowly")
			o.Due = w.now.Add(time.Hour)
			w.record(o)
		}
	}
	return id, first, second
}

func TestRetryDeferred(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.empty()
	id, first, second := w.putOff(20)
	if got := w.claim(id, first, 1, 100); len(got) != 0 {
		t.Fatalf("%d are due already", len(got))
	}
	off, err := w.PutOff(ctx, id, 0, w.now)
	w.must(err)
	if len(off) != 2 || off[0].Messages+off[1].Messages != 20 {
		t.Fatalf("put off: %+v", off)
	}
	n, err := w.RetryDeferred(ctx, id, first, w.now)
	w.must(err)
	if n != 10 {
		t.Errorf("%d were made due", n)
	}
	if again, err := w.RetryDeferred(ctx, id, first, w.now); again != 0 || err != nil {
		t.Errorf("and again: %d, %v", again, err)
	}
	if got := w.claim(id, second, 1, 100); len(got) != 0 {
		t.Errorf("elsewhere %d are due", len(got))
	}
	got := w.claim(id, first, 1, 4)
	if len(got) != 4 || got[0].State != campaign.Deferred || got[0].Attempts != 1 || got[0].FirstAttempt == nil {
		t.Errorf("claimed %d: %+v", len(got), got)
	}
	w.now = w.now.Add(time.Second)
	if n, err = w.RetryDeferred(ctx, id, 0, w.now); n != 10 || err != nil { // what is in hand or due stays as it is
		t.Errorf("of all %d were made due, %v", n, err)
	}
	for _, d := range got {
		w.record(w.accepted(d, first))
	}
	if rest := w.claim(id, first, 1, 100); len(rest) != 6 {
		t.Errorf("%d are left", len(rest))
	}
	w.balanced()
}

// Whatever is claimed while everything is made due, nothing is claimed twice and
// nothing is lost.
func TestRetryDeferredBesideClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.empty()
	id, first, second := w.putOff(400)
	w.now = w.now.Add(2 * time.Hour)
	w.exec(`update deliveries set due_at = due_at + delivery.k * interval '36 seconds' from (select id, row_number() over (order by id) - 200 as k from deliveries) delivery where delivery.id = deliveries.id`)
	w.requeue()
	var (
		mu    sync.Mutex
		times = map[int64]int{}
		group sync.WaitGroup
	)
	for _, provider := range []int64{first, second} {
		group.Go(func() {
			for empty := 0; empty < 20; {
				got, _, err := w.Claim(ctx, ClaimRequest{Campaign: id, Provider: provider, Node: 1, Limit: 3, Now: w.now})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, d := range got {
					times[d.Delivery]++
				}
				mu.Unlock()
				if empty++; len(got) > 0 {
					empty = 0
				}
			}
		})
	}
	for k := range 30 { // each makes due what falls due later
		if _, err := w.RetryDeferred(ctx, id, 0, w.now.Add(time.Duration(k-40)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.RetryDeferred(ctx, id, 0, w.now); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	for _, provider := range []int64{first, second} {
		for _, d := range w.claim(id, provider, 1, 1000) {
			times[d.Delivery]++
		}
	}
	for delivery, n := range times {
		if n != 1 {
			t.Errorf("delivery %d was claimed %d times", delivery, n)
		}
	}
	if len(times) != 400 {
		t.Errorf("%d were claimed of 400", len(times))
	}
}
