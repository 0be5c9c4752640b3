package postgres

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// TestEndings takes a campaign with one delivery of each kind and ends what
// each kind of batch may end: never what a lane has in hand, and a delivery
// with a doubt comes to be in doubt.
func TestEndings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(w *world, id int64) (int, error)
		want []string // of queued, deferred, deferred with doubt, claimed, delivered
	}{
		{"cancel", func(w *world, id int64) (int, error) {
			w.change(id, campaign.Cancel)
			return w.CancelBatch(context.Background(), id, 100, w.now)
		}, []string{"cancelled", "cancelled", "in_doubt, doubted", "queued, claimed", "delivered"}},
		{"cancel in batches of one", func(w *world, id int64) (int, error) {
			w.change(id, campaign.Cancel)
			n := 0
			for {
				ended, err := w.CancelBatch(context.Background(), id, 1, w.now)
				w.balanced()
				if n += ended; err != nil || ended == 0 {
					return n, err
				}
			}
		}, []string{"cancelled", "cancelled", "in_doubt, doubted", "queued, claimed", "delivered"}},
		{"cancel of a campaign that is sending", func(w *world, id int64) (int, error) {
			return w.CancelBatch(context.Background(), id, 100, w.now)
		}, []string{"queued", "deferred", "deferred, doubted", "queued, claimed", "delivered"}},
		{"expire", func(w *world, id int64) (int, error) {
			return w.ExpireBatch(context.Background(), id, w.now.Add(time.Second), 100, w.now)
		}, []string{"queued", "expired", "in_doubt, doubted", "queued, claimed", "delivered"}},
		{"expire what is older", func(w *world, id int64) (int, error) {
			return w.ExpireBatch(context.Background(), id, w.now, 100, w.now)
		}, []string{"queued", "deferred", "deferred, doubted", "queued, claimed", "delivered"}},
		{"expire while paused", func(w *world, id int64) (int, error) {
			w.change(id, campaign.Pause)
			return w.ExpireBatch(context.Background(), id, w.now.Add(time.Second), 100, w.now)
		}, []string{"queued", "expired", "in_doubt, doubted", "queued, claimed", "delivered"}},
		{"stop", func(w *world, id int64) (int, error) {
			return w.StopBatch(context.Background(), id, 100, w.now)
		}, []string{"expired", "deferred", "deferred, doubted", "queued, claimed", "delivered"}},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.empty()
			ids := w.join("Readers", "e@a.test", "d@a.test", "c@a.test", "b@a.test", "a@a.test")
			provider := w.at("a.test")
			id := w.launch("Readers")
			c := w.claim(id, provider, 1, 4)
			w.record(w.accepted(c[0], provider), w.refused(c[2], provider, campaign.Deferred, 452, "full"), w.doubted(c[1], provider))
			before := []string{"queued", "deferred", "deferred, doubted", "queued, claimed", "delivered"}
			states := func() []string {
				return []string{w.state(id, ids[4]), w.state(id, ids[2]), w.state(id, ids[1]), w.state(id, ids[3]), w.state(id, ids[0])}
			}
			if got := states(); !slices.Equal(got, before) {
				t.Fatalf("before: %q", got)
			}
			n, err := tt.end(w, id)
			w.must(err)
			ended := 0
			for i := range tt.want {
				if tt.want[i] != before[i] {
					ended++
				}
			}
			if got := states(); !slices.Equal(got, tt.want) || n != ended {
				t.Errorf("%d ended: %q; want %q", n, got, tt.want)
			}
			if got := w.totals(id); got.Targeted != 5 {
				t.Errorf("counted %+v", got)
			}
		})
	}
}

// settle is how a node that buries another decides, in short.
func settle(w *world) func(Held) Outcome {
	return func(d Held) Outcome {
		from := campaign.DeliveryState(d.State)
		return Outcome{Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.Domain,
			Provider: d.Provider, Node: 1, From: from, At: w.now, InDoubt: true, Number: d.Attempts + 1, First: w.now,
			To: campaign.Deferred, Due: w.now.Add(time.Minute)}
	}
}

// A dead node leaves at most one delivery of each claim in doubt: the first
// that it had not recorded.
func TestBuryNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", readers(9, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	dead, err := w.RegisterNode(ctx, "one", "", []string{"lanes"}, w.now)
	w.must(err)
	living, err := w.RegisterNode(ctx, "two", "", []string{"lanes"}, w.now)
	w.must(err)
	first, second := w.claim(id, provider, dead, 3), w.claim(id, provider, dead, 2)
	other := w.claim(id, provider, living, 2)
	w.record(w.accepted(first[0], provider))
	w.exec(`insert into river.river_job (state, args, kind, max_attempts, attempt, attempted_at, attempted_by)
	        select 'running'::river.river_job_state, '{}'::jsonb, 'lane', 5, 1, now(), array[$1::text] from generate_series(1, 2)
	        union all select 'running', '{}', 'lane', 5, 1, now(), array[$2::text]`, idText(dead), idText(living))

	var wait sync.WaitGroup
	buried := make([]int, 4)
	for i := range buried { // all at once
		wait.Go(func() {
			var err error
			if buried[i], err = w.BuryNode(ctx, dead, w.now, settle(w)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if slices.Sort(buried); !slices.Equal(buried, []int{0, 0, 0, 4}) {
		t.Errorf("four who buried it gave back %v deliveries; want one to give back all 4", buried)
	}
	var got []string
	for _, contact := range ids {
		got = append(got, w.state(id, contact))
	}
	want := []string{"delivered", "deferred, doubted", "queued", "deferred, doubted", "queued",
		"queued, claimed", "queued, claimed", "queued", "queued"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if n := one[int](w, `select count(*) from river.river_job where state = 'available' and attempt = 0`); n != 2 {
		t.Errorf("%d jobs were given back; want 2", n)
	}
	if alive, err := w.Beat(ctx, dead, w.now); alive || err != nil {
		t.Errorf("the dead node's beat: %v, %v", alive, err)
	}
	if alive, err := w.Beat(ctx, living, w.now); !alive || err != nil {
		t.Errorf("the living node's beat: %v, %v", alive, err)
	}
	w.record(w.accepted(other[0], provider))
	late := []Outcome{w.accepted(first[1], provider), w.accepted(second[0], provider)}
	late[0].Node, late[1].Node = dead, dead
	w.record(late...)
	if got := w.totals(id); got.Delivered != 4 || got.Deferred != 0 {
		t.Errorf("counted %+v", got)
	}
	w.unquarrelled()
}

// What is told to the ledger while its node is being buried is either recorded
// or late, never lost and never counted twice.
func TestBuryNodeBesideItsOutcomes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 120, "a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	dead, err := w.RegisterNode(ctx, "one", "", []string{"lanes"}, w.now)
	w.must(err)
	var wait sync.WaitGroup
	for range 6 {
		claimed := w.claim(id, provider, dead, 20)
		wait.Go(func() {
			for _, d := range claimed {
				o := w.accepted(d, provider)
				o.Node = dead
				if err := w.Record(ctx, []Outcome{o}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		wait.Go(func() {
			if _, err := w.BuryNode(ctx, dead, w.now, settle(w)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := w.totals(id); got.Delivered != 120 {
		t.Errorf("counted %+v; want all 120 delivered", got)
	}
}
