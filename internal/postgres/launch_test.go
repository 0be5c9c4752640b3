package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

func TestLaunchCountsTheWaterfall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "will@a.test", "both@a.test", "excluded@a.test", "left@a.test", "leftall@a.test", "asked@a.test",
		"bounced@a.test", "complained@a.test", "cleaned@a.test", "bad@a.test", "barred@b.test", "late@a.test")
	w.join("More", "both@a.test")
	w.join("Staff", "excluded@a.test")
	status := func(contact int64, member, contactStatus string) {
		w.exec(`update list_members set status = $2 where contact_id = $1`, contact, member)
		w.exec(`update contacts set status = $2 where id = $1`, contact, contactStatus)
	}
	status(ids[3], "unsubscribed", "active")
	status(ids[4], "subscribed", "unsubscribed")
	status(ids[5], "unconfirmed", "active")
	w.exec(`insert into suppressions (scope, kind, key, reason, created_at)
	        values ('global', 'address', 'bounced@a.test', 'bounced', $1), ('global', 'domain', 'b.test', 'manual', $1)`, w.now)
	status(ids[7], "subscribed", "complained")
	status(ids[8], "subscribed", "cleaned")
	w.exec(`update contacts set verdict = 'undeliverable', reasons = '{domain_null_mx}' where id = $1`, ids[9])
	w.exec(`update list_members set since = $2 where contact_id = $1`, ids[11], w.now.Add(time.Second))

	id, err := w.CreateCampaign(context.Background(), NewCampaign{Name: "Notes", Weight: 4, Settings: campaign.DefaultSettings(),
		TimeZone: "UTC", Lists: []string{"Readers", "More"}, Exclude: []string{"Staff"}}, w.now)
	w.must(err)
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	w.fill(id, 5)
	c, err := w.Campaign(context.Background(), id)
	w.must(err)
	want := campaign.Audience{InLists: 11, Excluded: 1, Unsubscribed: 2, Unconfirmed: 1, Suppressed: 4, Undeliverable: 1, WillReceive: 2,
		Why: map[string]int64{"domain_null_mx": 1}}
	if diff := cmp.Diff(want, c.Audience); diff != "" {
		t.Error(diff)
	}
	if got := w.totals(id); got != (campaign.Counters{Targeted: 2, Queued: 2}) {
		t.Errorf("counted %+v", got)
	}
	if !c.LaunchDone {
		t.Error("the launch is not done")
	}
}

// However often a launch is broken off between or within batches, everybody
// stands in the ledger once.
func TestLaunchGoesOnWhereItStood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd("Readers", 100, "a.test", "b.test")
	w.at("a.test") // b.test is not known yet
	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	for range 3 {
		w.must(w.OpenLedger(context.Background(), id, w.now)) // as each try of the job does
	}
	broken := errors.New("broken off")
	batches := 0
	for done := false; !done; batches++ {
		if batches%3 == 0 { // a batch that is rolled back
			err := w.InTx(context.Background(), func(tx pgx.Tx) error {
				l, err := w.Launching(context.Background(), id)
				if err != nil {
					return err
				}
				if _, err := l.enter(context.Background(), tx, l.Cursor, l.Cursor+30, w.now, func() error { return nil }); err != nil {
					return err
				}
				return broken
			})
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
		}
		var err error
		done, err = w.LaunchBatch(context.Background(), id, 17, w.now)
		w.must(err)
		w.balanced()
	}
	if done, err := w.LaunchBatch(context.Background(), id, 17, w.now); !done || err != nil {
		t.Errorf("a launch that was done: %v, %v", done, err)
	}
	c, err := w.Campaign(context.Background(), id)
	w.must(err)
	if c.Audience.WillReceive != 200 || c.Audience.InLists != 200 {
		t.Errorf("the audience is %+v", c.Audience)
	}
	if got := w.totals(id); got != (campaign.Counters{Targeted: 200, Queued: 200}) {
		t.Errorf("counted %+v", got)
	}
	if n := one[int](w, `select count(distinct contact_id) from deliveries where campaign_id = $1`, id); n != 200 {
		t.Errorf("%d contacts stand in the ledger", n)
	}
}

func TestLaunchOfACancelledCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd("Readers", 40, "a.test")
	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	if done, err := w.LaunchBatch(context.Background(), id, 10, w.now); done || err != nil {
		t.Fatal(done, err)
	}
	w.change(id, campaign.Cancel)
	if done, err := w.LaunchBatch(context.Background(), id, 10, w.now); !done || err != nil {
		t.Errorf("a cancelled campaign is filled on: %v, %v", done, err)
	}
	unswept, err := w.UnsweptCancels(context.Background())
	w.must(err)
	if !cmp.Equal(unswept, []int64{id}) {
		t.Errorf("unswept are %v", unswept)
	}
	n, err := w.CancelBatch(context.Background(), id, 100, w.now)
	w.must(err)
	if got := w.totals(id); n != 10 || got.Cancelled != 10 || got.Targeted != 10 {
		t.Errorf("%d were cancelled, counted %+v", n, got)
	}
	if _, err := w.LaunchBatch(context.Background(), id+1, 10, w.now); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such campaign: %v", err)
	}
}

// Ranges that are judged at one time become part of the ledger one after the other,
// whichever was ready first.
func TestRangesAreEnteredInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, ids := w.begun(60)
	id := l.Campaign
	ready, first := make(chan struct{}), make(chan error, 1)
	second := make(chan error, 1)
	go func() {
		told := false
		second <- w.Enter(context.Background(), l, ids[29], ids[59], w.now, func() error {
			if !told {
				told = true
				close(ready)
			}
			return <-first
		})
	}()
	<-ready
	if got := w.totals(id).Targeted; got != 10 {
		t.Errorf("%d are counted while a later range waits for its turn", got)
	}
	first <- w.Enter(context.Background(), l, ids[9], ids[29], w.now, atOnce)
	w.must(<-second)
	w.must(w.EndLaunch(context.Background(), l, ids[59], w.now))
	c, err := w.Campaign(context.Background(), id)
	w.must(err)
	if got := w.totals(id); got != (campaign.Counters{Targeted: 60, Queued: 60}) || c.Audience.WillReceive != 60 || !c.LaunchDone {
		t.Errorf("counted %+v, audience %+v", got, c.Audience)
	}
	w.balanced()
}

// A range may wait for its turn for longer than a transaction may stand still.
func TestRangeWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, ids := w.begun(30)
	url := w.pool.Config().ConnString()
	if !strings.Contains(url, "?") {
		url += "?"
	}
	url += "&" + idleTimeout + "=2s" // which no pause between two statements takes on a busy machine
	impatient, err := Open(context.Background(), url, 4)
	w.must(err)
	defer impatient.Close()
	w.must(impatient.Enter(context.Background(), l, ids[9], ids[29], w.now, func() error {
		time.Sleep(3 * time.Second)
		return nil
	}))
	if got := w.totals(l.Campaign).Targeted; got != 30 {
		t.Errorf("%d are counted", got)
	}
}

// A range whose turn comes when the launch stands elsewhere leaves nothing behind.
func TestRangesThatComeTooLate(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world, l Launching, ids []int64){
		"cancelled": func(w *world, l Launching, _ []int64) { w.change(l.Campaign, campaign.Cancel) },
		"went on": func(w *world, l Launching, ids []int64) {
			w.exec(`update campaigns set launch_cursor = $2 where id = $1`, l.Campaign, ids[14])
		},
		"done": func(w *world, l Launching, ids []int64) { w.must(w.EndLaunch(context.Background(), l, ids[9], w.now)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l, ids := w.begun(30)
			var before campaign.Counters
			err := w.Enter(context.Background(), l, ids[9], ids[29], w.now, func() error {
				meanwhile(w, l, ids)
				before = w.totals(l.Campaign)
				return nil
			})
			if !errors.Is(err, ErrLaunchMoved) {
				t.Errorf("entered all the same: %v", err)
			}
			if got := w.totals(l.Campaign); got != before {
				t.Errorf("counted %+v, before it was %+v", got, before)
			}
			w.balanced()
		})
	}
}

// begun is the launch of a campaign to so many contacts, of whom the first ten are
// entered; ids are all of them.
func (w *world) begun(contacts int) (l Launching, ids []int64) {
	w.t.Helper()
	w.crowd("Readers", contacts, "a.test")
	ids = one[[]int64](w, `select array_agg(id order by id) from contacts`)
	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	l, err := w.Launching(context.Background(), id)
	w.must(err)
	w.must(w.Enter(context.Background(), l, 0, ids[9], w.now, atOnce))
	return l, ids
}

// atOnce is the turn of a range that nobody comes before.
func atOnce() error { return nil }

// Small campaigns share their month's partition.
func TestLedgers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	ledger := func(id int64) int32 { return one[int32](w, `select ledger_id from campaigns where id = $1`, id) }
	first, second := ledger(w.launch("Readers")), ledger(w.launch("Readers"))
	if first != second {
		t.Errorf("two campaigns of a month stand in ledgers %d and %d", first, second)
	}
	w.now = w.now.AddDate(0, 1, 0)
	if third := ledger(w.launch("Readers")); third == first {
		t.Error("the next month's campaign stands in the same ledger")
	}
	own, err := w.ledger(context.Background(), true, w.now)
	w.must(err)
	again, err := w.ledger(context.Background(), true, w.now)
	w.must(err)
	if own == again || own == first {
		t.Errorf("large campaigns share a ledger: %d, %d, %d", own, again, first)
	}
	if n := one[int](w, `select count(*) from pg_inherits where inhparent = 'deliveries'::regclass`); n != 4 {
		t.Errorf("there are %d partitions; want 4", n)
	}
}

func TestLedgersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	var wait sync.WaitGroup
	for n := range 6 {
		id := w.draft("Readers")
		w.change(id, campaign.Launch)
		wait.Go(func() {
			if err := w.OpenLedger(context.Background(), id, w.now.AddDate(0, n/3, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := one[int](w, `select count(distinct ledger_id) from campaigns`); n != 2 {
		t.Errorf("six campaigns of two months stand in %d ledgers", n)
	}
}

// Mail goes out while its campaign's ledger is still being filled; neither may
// break off the other.
func TestLaunchBesideOutcomes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	domains := make([]string, 12)
	for i := range domains {
		domains[i] = fmt.Sprintf("d%d.test", i)
	}
	w.crowd("Readers", 150, domains...)
	for _, d := range domains {
		w.look(d, "shared")
	}
	provider := w.provider("shared")
	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	var wait sync.WaitGroup
	filled := make(chan struct{})
	for lane := range 4 {
		wait.Go(func() {
			for {
				claimed, _, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider, Node: int64(lane + 1), Limit: 9, Now: w.now})
				if err != nil {
					t.Error(err)
					return
				}
				if len(claimed) == 0 {
					select {
					case <-filled:
						return
					default:
						continue
					}
				}
				outcomes := make([]Outcome, len(claimed))
				for i, d := range claimed {
					outcomes[i] = w.accepted(d, provider)
				}
				if err := w.Record(context.Background(), outcomes); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	w.fill(id, 60)
	close(filled)
	wait.Wait()
	for {
		rest := w.claim(id, provider, 5, 200)
		if len(rest) == 0 {
			break
		}
		for _, d := range rest {
			w.record(w.accepted(d, provider))
		}
	}
	if got := w.totals(id); got.Delivered != 1800 {
		t.Errorf("counted %+v", got)
	}
	w.unquarrelled()
}

func TestSystemCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	contact := w.join("Readers", "ana@a.test")[0]
	provider := w.at("a.test")
	w.exec(`update contacts set status = 'unsubscribed' where id = $1`, contact)
	id, err := w.CreateCampaign(context.Background(), NewCampaign{Name: "Test", System: true, Weight: 16,
		Settings: campaign.DefaultSettings(), TimeZone: "UTC"}, w.now)
	w.must(err)
	for range 2 {
		err = w.SendSystem(context.Background(), id, contact, w.now)
	}
	if err == nil {
		t.Error("the same message was sent to the same contact twice")
	}
	w.look("a.test", "a.test")
	if got := addresses(w.claim(id, provider, 1, 5)); !cmp.Equal(got, []string{"ana@a.test"}) {
		t.Errorf("claimed %v; a test message goes to those who left, too", got)
	}
	if got := w.totals(id); got.Targeted != 1 {
		t.Errorf("counted %+v", got)
	}
}
