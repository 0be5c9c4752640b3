package node

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// Two nodes work for one database: every recipient gets the message once.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	internet, domains := quick(20)
	r := newRig(t, internet)
	first, second := r.node(), r.node()
	id := r.launch(first, 30, domains...)
	defer func() {
		if t.Failed() {
			t.Logf("counted %+v", r.campaign(second, id).Counters)
		}
	}()
	r.until(2*time.Minute, "finished", func() bool { return r.campaign(second, id).State == campaign.Finished })
	if got := r.campaign(second, id).Counters; got.Delivered != 600 || !got.AddsUp() {
		t.Errorf("counted %+v", got)
	}
	if n := len(r.sandbox.Received()); n != 600 {
		t.Errorf("receivers hold %d messages; want 600", n)
	}
	r.accounted(id, 0)
	// Which of them takes a lane is River's choice: the first to ask.
	t.Logf("the lanes ran on %d of 2 nodes", r.number(`select count(distinct attempted_by[array_upper(attempted_by, 1)])
		from river.river_job where kind = 'lane'`))
	var wait sync.WaitGroup
	for _, n := range []*Node{first, second} {
		wait.Go(func() {
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := r.number(`select count(*) from nodes`); n != 0 {
		t.Errorf("%d nodes that ended are still entered", n)
	}
}

// A node whose beat stands still is dead after 15 s, and at once where its process
// is seen to have ended: what it held goes on, and one message of each of its claims
// is in doubt.
func TestDeadNode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		tied            bool
		least, finished time.Duration
	}{
		{"its beat stands still", false, deadAfter, 45 * time.Second},
		{"its process has ended", true, 0, deadAfter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, slow(100*time.Millisecond))
			n := r.node()
			store, ctx := n.Database.Store, context.Background()
			end, lifeline := func() {}, ""
			if tt.tied {
				line, err := tie(r.config.Data)
				r.must(err)
				lifeline, end = line.name, func() { r.must(line.file.Close()) } // as the kernel does
			}
			dead, err := store.RegisterNode(ctx, "elsewhere", lifeline, []string{"lanes"}, time.Now())
			r.must(err)
			id := r.launch(n, 40, "north.test")
			r.until(time.Minute, "the provider is known", func() bool {
				return r.number(`select count(*) from deliveries where provider_id is not null`) > 0
			})
			provider := r.number(`select provider_id from domains where name = 'north.test'`)
			taken, err := store.Claim(ctx, []postgres.ClaimRequest{{Ledger: int32(r.number(`select max(ledger_id) from campaigns`)), Campaign: id,
				Provider: provider, Node: dead, Limit: 6, Now: time.Now()}})
			r.must(err)
			if left := len(taken[0].Deliveries); left < 2 {
				t.Fatalf("only %d were left to claim", left)
			}
			end()
			died := time.Now()
			r.until(tt.finished, "finished", func() bool { return r.campaign(n, id).State == campaign.Finished })
			if since := time.Since(died); since < tt.least-5*time.Second { // it was entered some seconds before
				t.Errorf("a node was buried after %s; it may be silent for %s", since, tt.least)
			}
			if got := r.campaign(n, id).Counters; got.Delivered != 40 {
				t.Errorf("counted %+v", got)
			}
			if doubted := r.number(`select count(*) from deliveries where doubted`); doubted != 1 {
				t.Errorf("%d deliveries were in doubt; want the first of the one claim", doubted)
			}
			r.accounted(id, 0)
		})
	}
}

// A node that stops lets the messages in flight end, and records them.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow(1500*time.Millisecond))
	n := r.node()
	id := r.launch(n, 60, "north.test")
	r.until(time.Minute, "mail is in flight", func() bool {
		return r.number(`select count(*) from claims`) > 0
	})
	began := time.Now()
	r.must(n.Stop())
	if took := time.Since(began); took > drainWithin {
		t.Errorf("it took %s to stop; want less than %s", took, drainWithin)
	}
	if n := r.number(`select count(*) from deliveries where doubted`); n > 0 {
		t.Errorf("%d deliveries are in doubt after a stop that was not cut", n)
	}
	r.accounted(id, 0)
	if n := r.number(`select count(*) from nodes`) + r.number(`select count(*) from river.river_job where state = 'running'`); n != 0 {
		t.Error("a node or a job is left running")
	}
}

// A receiver that keeps us waiting is cut after 10 s: its message is in doubt,
// everything else goes back, and nothing is held in the name of a node that
// is gone.
func TestStopCuts(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow(time.Minute))
	n := r.node()
	id := r.launch(n, 30, "north.test")
	r.until(time.Minute, "mail is in flight", func() bool {
		return r.number(`select count(*) from claims`) > 0
	})
	time.Sleep(time.Second) // until the last byte of some message is with the receiver
	began := time.Now()
	_ = n.Stop() // may say that jobs had to be cancelled
	if took := time.Since(began); took < drainWithin || took > drainWithin+6*time.Second {
		t.Errorf("it took %s to stop; messages in flight have %s", took, drainWithin)
	}
	doubted := r.number(`select count(*) from deliveries where doubted`)
	if doubted < 1 || doubted > 10 {
		t.Errorf("%d deliveries are in doubt; want one for each open connection", doubted)
	}
	if n := r.number(`select count(*) from deliveries where state not in ('queued', 'deferred')`); n > 0 {
		t.Errorf("%d deliveries are final, and nothing was answered", n)
	}
	r.accounted(id, int(doubted))
	if n := r.number(`select count(*) from nodes`); n != 0 {
		t.Error("the node is still entered")
	}
}

// A node that the others took for dead gives up its name and begins again.
func TestBuriedNodeBeginsAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow(20*time.Millisecond))
	n := r.node()
	id := r.launch(n, 30, "north.test")
	before := r.number(`select id from nodes`)
	_, err := n.Database.Store.BuryNode(context.Background(), before, time.Now(), func(d postgres.Held) postgres.Outcome {
		return settleHeld(d, campaign.DefaultSettings(), time.Now(), 0)
	})
	r.must(err)
	r.until(time.Minute, "a new name", func() bool {
		return r.number(`select count(*) from nodes where id > $1`, before) == 1
	})
	r.until(time.Minute, "the rest is delivered", func() bool {
		c := r.campaign(n, id).Counters
		return c.Delivered+r.number(`select count(*) from deliveries where doubted and state = 'deferred'`) == 30
	})
	r.must(n.Stop())
	r.accounted(id, 8)
}

// A node that is asked to stop while it takes a new name ends well.
func TestBuriedNodeIsStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow(20*time.Millisecond))
	n := r.node()
	for _, sql := range []string{
		`create function slow_birth() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$`,
		`create trigger slow_birth before insert on nodes for each row execute function slow_birth()`} {
		_, err := n.Database.Store.Pool().Exec(context.Background(), sql)
		r.must(err)
	}
	_, err := n.Database.Store.BuryNode(context.Background(), r.number(`select id from nodes`), time.Now(),
		func(d postgres.Held) postgres.Outcome {
			return settleHeld(d, campaign.DefaultSettings(), time.Now(), 0)
		})
	r.must(err)
	r.until(time.Minute, "the node takes another name", func() bool {
		return r.number(`select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`) == 1
	})
	r.must(n.Stop())
}
