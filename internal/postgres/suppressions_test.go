package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	for _, everywhere := range []bool{false, true} {
		w.empty()
		ids := w.join("Readers", "ana+news@a.test", "ana@a.test", "ben@a.test")
		w.join("Offers", "ana+news@a.test")
		provider := w.at("a.test")
		id, offers := w.launch("Readers"), w.launch("Offers")
		for n := range 3 { // a second click changes nothing
			key, canonical, err := w.Unsubscribe(ctx, Unsubscribe{Campaign: id, Contact: ids[0], Everywhere: everywhere,
				By: "page", At: w.now.Add(time.Duration(n) * time.Minute)})
			w.must(err)
			if key != "ana+news@a.test" || canonical != "ana@a.test" {
				t.Errorf("the keys are %s and %s", key, canonical)
			}
		}
		if n := one[int](w, `select count(*) from suppressions`); n != 1 {
			t.Errorf("everywhere %v: %d suppressions", everywhere, n)
		}
		if at := one[time.Time](w, `select since from list_members m join lists l on l.id = m.list_id
		                             where l.name = 'Readers' and contact_id = $1 and status = 'unsubscribed'`, ids[0]); !at.Equal(w.now) {
			t.Errorf("they left at %s; want the first time", at)
		}
		if got := addresses(w.claim(id, provider, 1, 9)); len(got) != 1 || got[0] != "ben@a.test" {
			t.Errorf("everywhere %v: of the campaign %v were claimed; ana, under whatever tag, had left", everywhere, got)
		}
		want := 1
		if everywhere {
			want = 0
		}
		if got := w.claim(offers, provider, 1, 9); len(got) != want {
			t.Errorf("everywhere %v: of another list %v were claimed; want %d", everywhere, addresses(got), want)
		}
		w.balanced()
	}
}

func TestUnsubscribeOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, err := w.Unsubscribe(context.Background(), Unsubscribe{Campaign: 1, Contact: 99, At: w.now})
	if !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("got %v", err)
	}
}

// Whoever uses the link of a message has got it: that ends a doubt about it,
// wherever the delivery stands.
func TestUnsubscribeProvesReceipt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		since func(w *world, id, provider int64)
		want  string
	}{
		{"waits for its repeat", func(*world, int64, int64) {}, "delivered, doubted"},
		{"is in hand again", func(w *world, id, provider int64) { w.claim(id, provider, 2, 1) }, "delivered, doubted"},
		{"was left in doubt", func(w *world, id, _ int64) {
			w.change(id, campaign.Cancel)
			_, err := w.CancelBatch(context.Background(), id, 10, w.now)
			w.must(err)
		}, "delivered, doubted"},
		{"was delivered again", func(w *world, id, provider int64) {
			w.record(w.accepted(w.claim(id, provider, 2, 1)[0], provider))
		}, "delivered, doubted"},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.empty()
			contact := w.join("Readers", "ana@a.test")[0]
			provider := w.at("a.test")
			id := w.launch("Readers")
			w.record(w.doubted(w.claim(id, provider, 1, 1)[0], provider))
			tt.since(w, id, provider)
			for range 2 {
				_, _, err := w.Unsubscribe(context.Background(), Unsubscribe{Campaign: id, Contact: contact, By: "one-click", At: w.now})
				w.must(err)
			}
			if got := w.state(id, contact); got != tt.want {
				t.Errorf("is %s; want %s", got, tt.want)
			}
			if got := w.totals(id); got.Delivered != 1 {
				t.Errorf("counted %+v", got)
			}
		})
	}
}

func TestSuppressionsSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "ana+x@a.test", "ben@a.test")
	id := w.launch("Readers")
	_, _, err := w.Unsubscribe(ctx, Unsubscribe{Campaign: id, Contact: ids[0], At: w.now})
	w.must(err)
	last, err := w.LastSuppression(ctx)
	w.must(err)
	_, _, err = w.Unsubscribe(ctx, Unsubscribe{Campaign: id, Contact: ids[1], Everywhere: true, At: w.now})
	w.must(err)
	recent, err := w.SuppressionsSince(ctx, last)
	w.must(err)
	if len(recent) != 1 || recent[0].Key != "ben@a.test" || recent[0].Canonical != "ben@a.test" {
		t.Errorf("since %d there are %+v", last, recent)
	}
}
