package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

// Every way in which a delivery can go moves the counters of its provider and
// of its domain with it.
func TestRecordMovesCounters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "a@a.test", "b@b.test", "c@a.test", "d@b.test", "e@a.test")
	w.look("a.test", "shared")
	w.look("b.test", "shared")
	id, provider := w.launch("Readers"), w.provider("shared")
	claimed := w.claim(id, provider, 1, 10) // a, c, e of a.test, then b, d of b.test
	if got := addresses(claimed); !slices.Equal(got, []string{"a@a.test", "c@a.test", "e@a.test", "b@b.test", "d@b.test"}) {
		t.Fatalf("claimed %v", got)
	}
	steps := []struct {
		name    string
		outcome Outcome
		want    campaign.Counters
	}{
		{"accepted", w.accepted(claimed[0], provider), campaign.Counters{Targeted: 5, Queued: 4, Delivered: 1, AcceptedFirst: 1}},
		{"bounced", w.refused(claimed[1], provider, campaign.Bounced, 550, "no such user"),
			campaign.Counters{Targeted: 5, Queued: 3, Delivered: 1, AcceptedFirst: 1, Bounced: 1}},
		{"deferred", w.refused(claimed[2], provider, campaign.Deferred, 421, "slow down"),
			campaign.Counters{Targeted: 5, Queued: 2, Deferred: 1, Delivered: 1, AcceptedFirst: 1, Bounced: 1}},
		{"in doubt", w.doubted(claimed[4], provider),
			campaign.Counters{Targeted: 5, Queued: 1, Deferred: 2, Delivered: 1, AcceptedFirst: 1, Bounced: 1}},
	}
	for _, step := range steps {
		w.record(step.outcome)
		if got := w.totals(id); got != step.want {
			t.Fatalf("%s: counted %+v; want %+v", step.name, got, step.want)
		}
	}
	w.now = w.now.Add(time.Hour)
	w.must(w.Release(context.Background(), claimed[3].Epoch))
	again := w.claim(id, provider, 1, 10)
	if got := addresses(again); !slices.Equal(got, []string{"e@a.test", "b@b.test", "d@b.test"}) {
		t.Fatalf("then claimed %v", got)
	}
	w.record(w.accepted(again[0], provider), w.refused(again[1], provider, campaign.Expired, 452, "full"), w.accepted(again[2], provider))
	want := campaign.Counters{Targeted: 5, Delivered: 3, AcceptedFirst: 1, Bounced: 1, Expired: 1}
	if got := w.totals(id); got != want {
		t.Errorf("at the end counted %+v; want %+v", got, want)
	}
	if n := one[int](w, `select count(*) from attempts`); n != 4 {
		t.Errorf("%d attempts are kept; want those 4 that were not accepted", n)
	}
	type minutes struct{ attempts, accepted, first, deferred, throttled, bounced int64 }
	var got minutes
	w.must(w.pool.QueryRow(context.Background(), `select sum(attempts)::bigint, sum(accepted)::bigint, sum(accepted_first)::bigint,
		sum(deferred)::bigint, sum(throttled)::bigint, sum(bounced)::bigint from provider_minutes where provider_id = $1`, provider).
		Scan(&got.attempts, &got.accepted, &got.first, &got.deferred, &got.throttled, &got.bounced))
	if want := (minutes{attempts: 7, accepted: 3, first: 1, deferred: 3, throttled: 1, bounced: 1}); got != want {
		t.Errorf("the minutes say %+v; want %+v", got, want)
	}
}

func TestLateOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		since func(w *world, id, provider int64, d Claimed) // what happened since the claim was lost
		late  func(w *world, provider int64, d Claimed) Outcome
		want  string
		total campaign.Counters
	}{
		{"accepted corrects what another holds",
			func(w *world, id, provider int64, _ Claimed) { w.claim(id, provider, 2, 1) },
			func(w *world, provider int64, d Claimed) Outcome { return w.accepted(d, provider) },
			"delivered", campaign.Counters{Targeted: 1, Delivered: 1}},
		{"deferred leaves it to who holds it",
			func(w *world, id, provider int64, _ Claimed) { w.claim(id, provider, 2, 1) },
			func(w *world, provider int64, d Claimed) Outcome {
				return w.refused(d, provider, campaign.Deferred, 452, "full")
			},
			"queued, claimed", campaign.Counters{Targeted: 1, Queued: 1}},
		{"accepted takes it out of the queue",
			func(*world, int64, int64, Claimed) {},
			func(w *world, provider int64, d Claimed) Outcome { return w.accepted(d, provider) },
			"delivered", campaign.Counters{Targeted: 1, Delivered: 1}},
		{"deferred leaves it in the queue",
			func(*world, int64, int64, Claimed) {},
			func(w *world, provider int64, d Claimed) Outcome {
				return w.refused(d, provider, campaign.Deferred, 452, "full")
			},
			"queued", campaign.Counters{Targeted: 1, Queued: 1}},
		{"accepted corrects a bounce",
			func(w *world, id, provider int64, _ Claimed) {
				w.record(w.refused(w.claim(id, provider, 2, 1)[0], provider, campaign.Bounced, 550, "no"))
			},
			func(w *world, provider int64, d Claimed) Outcome { return w.accepted(d, provider) },
			"delivered", campaign.Counters{Targeted: 1, Delivered: 1}},
		{"accepted does not undo what a report said of it meanwhile",
			func(w *world, id, _ int64, d Claimed) {
				w.must(w.InTx(context.Background(), func(tx pgx.Tx) error {
					_, _, err := RecordReport(context.Background(), tx, Reported{Campaign: id, Contact: d.Contact, At: w.now,
						Reply: reply.Reply{Phase: reply.PhaseAsync, Code: 550, Lines: []string{"no such user"}}})
					return err
				}))
			},
			func(w *world, provider int64, d Claimed) Outcome { return w.accepted(d, provider) },
			"bounced", campaign.Counters{Targeted: 1, Bounced: 1}},
		{"a bounce does not undo an acceptance that another saw later",
			func(w *world, id, provider int64, _ Claimed) {
				w.record(w.refused(w.claim(id, provider, 2, 1)[0], provider, campaign.Expired, 450, "no"))
			},
			func(w *world, provider int64, d Claimed) Outcome {
				return w.refused(d, provider, campaign.Expired, 450, "no")
			},
			"expired", campaign.Counters{Targeted: 1, Expired: 1}},
		{"accepted corrects a cancel",
			func(w *world, id, _ int64, _ Claimed) {
				w.change(id, campaign.Cancel)
				_, err := w.CancelBatch(context.Background(), id, 10, w.now)
				w.must(err)
			},
			func(w *world, provider int64, d Claimed) Outcome { return w.accepted(d, provider) },
			"delivered", campaign.Counters{Targeted: 1, Delivered: 1}},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.empty()
			contact := w.join("Readers", "ana@a.test")[0]
			provider := w.at("a.test")
			id := w.launch("Readers")
			d := w.claim(id, provider, 1, 1)[0]
			dead := w.lose(d)
			tt.since(w, id, provider, d)
			late := tt.late(w, provider, d)
			late.Node = dead
			w.record(late)
			if got := w.state(id, contact); got != tt.want {
				t.Errorf("is %s; want %s", got, tt.want)
			}
			if got := w.totals(id); got != tt.total {
				t.Errorf("counted %+v; want %+v", got, tt.total)
			}
		})
	}
}

// Two outcomes of one delivery may meet in one commit group.
func TestTwoOutcomesInAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, late := range []campaign.DeliveryState{campaign.Deferred, campaign.Delivered} {
		w.empty()
		contact := w.join("Readers", "ana@a.test")[0]
		provider := w.at("a.test")
		id := w.launch("Readers")
		old := w.claim(id, provider, 1, 1)[0]
		w.must(w.Release(context.Background(), old.Epoch))
		present := w.claim(id, provider, 2, 1)[0]
		first := w.refused(old, provider, late, 452, "full")
		w.record(first, w.accepted(present, provider))
		if got := w.state(id, contact); got != "delivered" {
			t.Errorf("late %s: is %s; want delivered", late, got)
		}
		if got := w.totals(id); got.Delivered != 1 || got.Targeted != 1 {
			t.Errorf("late %s: counted %+v", late, got)
		}
	}
}

// A group whose commit was not acknowledged is written once more: nothing may
// count twice.
func TestRecordTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", readers(4, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	c := w.claim(id, provider, 1, 4)
	group := []Outcome{w.accepted(c[0], provider), w.refused(c[1], provider, campaign.Bounced, 550, "no"),
		w.refused(c[2], provider, campaign.Deferred, 452, "full")}
	w.record(slices.Clone(group)...)
	want := w.totals(id)
	w.record(group...)
	if got := w.totals(id); got != want {
		t.Errorf("counted %+v, and written again %+v", want, got)
	}
}

func TestBadRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", readers(2, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	c := w.claim(id, provider, 1, 2)
	for name, words := range map[string]string{"NUL": "no\x00body", "not UTF-8": "n\xffbody"} {
		bad := w.refused(c[1], provider, campaign.Bounced, 550, words)
		err := w.Record(context.Background(), []Outcome{w.accepted(c[0], provider), bad})
		if err == nil || !IsBadRow(err) {
			t.Errorf("%s: got %v; want a bad row", name, err)
		}
		if got := w.totals(id); got.Queued != 2 {
			t.Errorf("%s: the group was stored in part: %+v", name, got)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Record(gone, []Outcome{w.accepted(c[0], provider)}); err == nil || IsBadRow(err) {
		t.Errorf("got %v for a context that has ended; want an error that is no bad row", err)
	}
}

// An address that proved bad is suppressed for everybody, and its contact is
// told from those who left.
func TestBouncedAddressIsSuppressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	contact := w.join("Readers", "ana@a.test")[0]
	provider := w.at("a.test")
	id := w.launch("Readers")
	o := w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Bounced, 550, "no such user")
	o.Address, o.Host = bounce.Effect{Kind: bounce.Suppress}, "mx.a.test"
	w.record(o)
	w.record(o) // late, and no second suppression
	if n := one[int](w, `select count(*) from suppressions where reason = 'bounced' and key = 'ana@a.test'
	                        and evidence ->> 'reply' = '550 no such user'`); n != 1 {
		t.Errorf("there are %d suppressions; want one, with the server's words", n)
	}
	if got := one[string](w, `select status from contacts where id = $1`, contact); got != "cleaned" {
		t.Errorf("the contact is %s; want cleaned", got)
	}
	again := w.launch("Readers")
	c, err := w.Campaign(context.Background(), again)
	w.must(err)
	if c.Audience.Suppressed != 1 || c.Audience.WillReceive != 0 {
		t.Errorf("the next campaign's audience is %+v", c.Audience)
	}
}

func TestReplyOfALedgerRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	o := w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Bounced, 550, "5.1.1 who?")
	o.Reply.Enhanced, o.Meaning.Class = "5.1.1", reply.ClassMailbox
	w.record(o)
	got := one[string](w, `select concat_ws('|', code, enhanced, class, reply) from deliveries`)
	if want := "550|5.1.1|bad_mailbox|550 5.1.1 who?"; got != want {
		t.Errorf("the row says %s; want %s", got, want)
	}
}
