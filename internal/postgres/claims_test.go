package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
)

func TestClaimTakesDeferredMailFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", readers(4, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	w.record(w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Deferred, 452, "later"))
	if got := addresses(w.claim(id, provider, 1, 2)); !cmp.Equal(got, []string{"reader2@a.test", "reader3@a.test"}) {
		t.Errorf("before its time, %v was claimed", got)
	}
	w.now = w.now.Add(2 * time.Minute)
	next := w.claim(id, provider, 1, 1)
	if got := addresses(next); !cmp.Equal(got, []string{"reader1@a.test"}) {
		t.Fatalf("%v was claimed; want the deferred one first", got)
	}
	if d := next[0]; d.Attempts != 1 || d.State != campaign.Deferred || d.FirstAttempt == nil || !d.FirstAttempt.Equal(noon) {
		t.Errorf("claimed %+v; want the second attempt of what was first tried at noon", d)
	}
	if got := w.totals(id); got.Queued != 3 || got.Deferred != 1 {
		t.Errorf("claimed mail does not count as waiting: %+v", got)
	}
}

func TestClaimKeepsToItsDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "a@a.test", "b@b.test", "c@a.test")
	w.look("a.test", "shared")
	w.look("b.test", "shared")
	id, provider := w.launch("Readers"), w.provider("shared")
	claimed, _, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider, Domain: w.domain("b.test"),
		Node: 1, Limit: 10, Now: w.now})
	w.must(err)
	if got := addresses(claimed); !cmp.Equal(got, []string{"b@b.test"}) {
		t.Errorf("claimed %v for b.test", got)
	}
	if got := addresses(w.claim(id, provider, 1, 10)); !cmp.Equal(got, []string{"a@a.test", "c@a.test"}) {
		t.Errorf("then claimed %v", got)
	}
}

func TestClaimOfACampaignThatIsNotSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", readers(3, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	for _, step := range []struct {
		verb campaign.Verb
		want int
	}{{campaign.Pause, 0}, {campaign.Resume, 1}, {campaign.Cancel, 0}} {
		w.change(id, step.verb)
		got := w.claim(id, provider, 1, 1)
		if len(got) != step.want {
			t.Errorf("after %s, %d were claimed; want %d", step.verb, len(got), step.want)
		}
		_, _, due, err := w.Peek(context.Background(), id, provider, false, w.now)
		w.must(err)
		if due != (step.want > 0) {
			t.Errorf("after %s, something is due: %v", step.verb, due)
		}
		waits, err := w.Due(context.Background(), w.now)
		w.must(err)
		if (len(waits) > 0) != (step.want > 0) {
			t.Errorf("after %s, due is %+v", step.verb, waits)
		}
	}
}

func TestClaimSuppresses(t *testing.T) {
	t.Parallel()
	const insert = `
insert into suppressions (scope, list_id, kind, key, canonical_key, reason, created_at, expires_at)
select $1, case when $1 = 'list' then (select id from lists where name = $2) end, $3, $4, $5, $6, $7, $8`
	type suppression struct {
		scope, list, kind, key, canonical, reason string
		expires                                   time.Duration // after noon; 0: never
	}
	tests := []struct {
		name string
		suppression
		want []string // who is still claimed
	}{
		{"exact key", suppression{scope: "global", kind: "address", key: "ana@a.test", reason: "bounced"}, []string{"ana+news@a.test", "ben@b.test"}},
		{"canonical key of someone who left", suppression{scope: "global", kind: "address", key: "ana+x@a.test", canonical: "ana@a.test",
			reason: "unsubscribed"}, []string{"ben@b.test"}},
		{"domain", suppression{scope: "global", kind: "domain", key: "a.test", reason: "manual"}, []string{"ben@b.test"}},
		{"a domain is not an address", suppression{scope: "global", kind: "domain", key: "ana@a.test", reason: "manual"},
			[]string{"ana@a.test", "ana+news@a.test", "ben@b.test"}},
		{"this list", suppression{scope: "list", list: "Readers", kind: "address", key: "ben@b.test", reason: "unsubscribed"},
			[]string{"ana@a.test", "ana+news@a.test"}},
		{"canonical key for this list", suppression{scope: "list", list: "Readers", kind: "address", key: "ana@a.test", canonical: "ana@a.test",
			reason: "unsubscribed"}, []string{"ben@b.test"}},
		{"another list", suppression{scope: "list", list: "Others", kind: "address", key: "ben@b.test", reason: "unsubscribed"},
			[]string{"ana@a.test", "ana+news@a.test", "ben@b.test"}},
		{"expired", suppression{scope: "global", kind: "address", key: "ana@a.test", reason: "manual", expires: -time.Second},
			[]string{"ana@a.test", "ana+news@a.test", "ben@b.test"}},
		{"not expired yet", suppression{scope: "global", kind: "address", key: "ana@a.test", reason: "manual", expires: time.Second},
			[]string{"ana+news@a.test", "ben@b.test"}},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.empty()
			w.join("Readers", "ana@a.test", "ana+news@a.test", "ben@b.test")
			w.exec(sqlEnsureList, "Others", w.now)
			w.look("a.test", "shared")
			w.look("b.test", "shared")
			id, provider := w.launch("Readers"), w.provider("shared")
			s := tt.suppression
			var canonical *string
			if s.canonical != "" {
				canonical = &s.canonical
			}
			expires := time.Time{}
			if s.expires != 0 {
				expires = noon.Add(s.expires)
			}
			w.exec(insert, s.scope, s.list, s.kind, s.key, canonical, s.reason, noon.Add(-time.Hour), zeroAsNull(expires))
			claimed, suppressed, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider, Node: 1, Limit: 10, Now: w.now})
			w.must(err)
			if diff := cmp.Diff(tt.want, addresses(claimed)); diff != "" {
				t.Error(diff)
			}
			if suppressed != 3-len(tt.want) {
				t.Errorf("%d were said to be suppressed; want %d", suppressed, 3-len(tt.want))
			}
			if got := w.totals(id); got.Suppressed != int64(3-len(tt.want)) || got.Queued != int64(len(tt.want)) {
				t.Errorf("counted %+v", got)
			}
		})
	}
}

// What was suppressed after an attempt in doubt is in doubt: nobody knows that
// it was not received.
func TestClaimKeepsDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	w.record(w.doubted(w.claim(id, provider, 1, 1)[0], provider))
	w.exec(`update contacts set status = 'complained' where id = $1`, ids[0])
	if got := w.claim(id, provider, 1, 1); len(got) != 0 {
		t.Fatalf("claimed %v, who complained", addresses(got))
	}
	if got := w.state(id, ids[0]); got != "in_doubt, doubted" {
		t.Errorf("is %s", got)
	}
	if got := w.totals(id); got.InDoubt != 1 {
		t.Errorf("counted %+v", got)
	}
}

// Eight lanes claim, give back and record at once: nobody gets what another has.
func TestConcurrentClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const lanes, contacts = 8, 480
	w.crowd("Readers", contacts/4, "a.test", "b.test", "c.test", "d.test")
	for _, domain := range []string{"a.test", "b.test", "c.test", "d.test"} {
		w.look(domain, "shared")
	}
	id, provider := w.launch("Readers"), w.provider("shared")
	var (
		mu     sync.Mutex
		holder = make(map[int64]int) // delivery → lane that has it
		sent   = make(map[int64]int)
		wait   sync.WaitGroup
	)
	for lane := range lanes {
		wait.Go(func() {
			for round := 0; ; round++ {
				claimed, _, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider,
					Node: int64(lane + 1), Limit: 7, Now: w.now})
				if err != nil {
					t.Error(err)
					return
				}
				if len(claimed) == 0 {
					return
				}
				mu.Lock()
				for _, d := range claimed {
					if other, taken := holder[d.Delivery]; taken {
						t.Errorf("delivery %d was given to lane %d while lane %d has it", d.Delivery, lane, other)
					}
					holder[d.Delivery] = lane
				}
				mu.Unlock()
				outcomes := make([]Outcome, len(claimed))
				mu.Lock()
				for i, d := range claimed {
					outcomes[i] = w.accepted(d, provider)
					if i == len(claimed)-1 && round%2 == 0 { // the last one is given back
						outcomes = outcomes[:i]
					} else {
						sent[d.Delivery]++
					}
					delete(holder, d.Delivery)
				}
				mu.Unlock()
				if len(outcomes) > 0 {
					if err := w.Record(context.Background(), outcomes); err != nil {
						t.Error(err)
						return
					}
				}
				if err := w.Release(context.Background(), claimed[0].Epoch); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	for delivery, n := range sent {
		if n != 1 {
			t.Errorf("delivery %d was sent %d times", delivery, n)
		}
	}
	if got := w.totals(id); got.Delivered != contacts || got.AcceptedFirst != contacts || len(sent) != contacts {
		t.Errorf("%d were sent, counted %+v; want %d", len(sent), got, contacts)
	}
	w.unquarrelled()
}

// A claim that goes on from a place leaves out what stands before it, but for what
// was tried before.
func TestClaimAfterAPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.join("Readers", readers(8, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	first := w.claim(id, provider, 1, 3)
	w.record(w.refused(first[0], provider, campaign.Deferred, 452, "full"))
	w.must(w.Release(ctx, first[0].Epoch))
	w.now = w.now.Add(time.Hour)
	r := ClaimRequest{Campaign: id, Provider: provider, Node: 1, Limit: 4, Now: w.now,
		After: QueuePlace{Due: first[2].Due, Delivery: first[2].Delivery}}
	got, _, err := w.Claim(ctx, r)
	w.must(err)
	if want := []string{"reader4@a.test", "reader5@a.test", "reader6@a.test", "reader1@a.test"}; !slices.Equal(addresses(got), want) {
		t.Errorf("claimed %v, want %v", addresses(got), want)
	}
	r.After = QueuePlace{}
	got, _, err = w.Claim(ctx, r)
	w.must(err)
	if want := []string{"reader2@a.test", "reader3@a.test", "reader7@a.test", "reader8@a.test"}; !slices.Equal(addresses(got), want) {
		t.Errorf("from the beginning: claimed %v, want %v", addresses(got), want)
	}
}

// What a claim holds without an outcome waits again when it is given back; one of
// which all is recorded ends with the next claim.
func TestClaimsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", readers(3, "a.test")...)
	provider := w.at("a.test")
	id := w.launch("Readers")
	first := w.claim(id, provider, 1, 3)
	w.record(w.accepted(first[1], provider))
	w.must(w.Release(context.Background(), first[0].Epoch))
	second := w.claim(id, provider, 1, 3)
	if want := []string{"reader1@a.test", "reader3@a.test"}; !slices.Equal(addresses(second), want) {
		t.Errorf("claimed %v, want %v", addresses(second), want)
	}
	w.record(w.accepted(second[0], provider), w.accepted(second[1], provider))
	got, _, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider, Node: 1, Limit: 3, Now: w.now}, second[0].Epoch)
	w.must(err)
	if len(got) > 0 {
		t.Errorf("claimed %v again", addresses(got))
	}
	if n := one[int](w, `select count(*) from claims`); n != 0 {
		t.Errorf("%d claims are still there", n)
	}
	w.balanced()
}

// Claims that are made at one time are claims of their own: each has its provider's
// mail in its own order and its own end, and none has more than it asked for.
func TestClaimsMadeTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.join("Readers", append(readers(6, "a.test"), append(readers(6, "b.test"), readers(2, "c.test")...)...)...)
	a, b, c := w.at("a.test"), w.at("b.test"), w.at("c.test")
	id, paused := w.launch("Readers"), w.launch("Readers")
	w.change(paused, campaign.Pause)
	w.exec(`insert into suppressions (scope, kind, key, reason, created_at) values ('global', 'address', 'reader2@b.test', 'bounced', $1)`, w.now)
	ledger := one[int32](w, `select ledger_id from campaigns where id = $1`, id)
	earlier := w.claim(id, a, 1, 2)
	ask := func(campaign, provider int64, limit int) ClaimRequest {
		return ClaimRequest{Ledger: ledger, Campaign: campaign, Provider: provider, Node: 1, Limit: limit, Now: w.now}
	}
	longer := ask(id, a, 3)
	longer.Epoch, longer.Place = earlier[0].Epoch, 2
	domain := ask(id, c, 10)
	domain.Domain = w.domain("a.test")
	elsewhere := ask(id, c, 10)
	elsewhere.Ledger++
	w.exec(fmt.Sprintf(`create table deliveries_%[1]d partition of deliveries for values in (%[1]d)`, elsewhere.Ledger))
	taken, err := w.Store.Claim(ctx, []ClaimRequest{longer, ask(id, b, 4), ask(paused, b, 4), domain})
	w.must(err)
	for i, want := range [][]string{
		{"reader3@a.test", "reader4@a.test", "reader5@a.test"},
		{"reader1@b.test", "reader3@b.test", "reader4@b.test"},
		nil, nil,
	} {
		if got := addresses(taken[i].Deliveries); !slices.Equal(got, want) {
			t.Errorf("claim %d has %v, want %v", i, got, want)
		}
	}
	if taken[0].Suppressed != 0 || taken[1].Suppressed != 1 {
		t.Errorf("%d and %d were suppressed, want 0 and 1", taken[0].Suppressed, taken[1].Suppressed)
	}
	if none, err := w.Store.Claim(ctx, []ClaimRequest{elsewhere}); err != nil || len(none[0].Deliveries) > 0 {
		t.Errorf("another ledger's name brought %v, %v", none, err)
	}
	first, second := taken[0].Deliveries[0].Epoch, taken[1].Deliveries[0].Epoch
	if first != earlier[0].Epoch || second == first {
		t.Errorf("the claims have the epochs %d and %d, want %d and another", first, second, earlier[0].Epoch)
	}
	for _, d := range taken[1].Deliveries {
		if d.Epoch != second {
			t.Errorf("%s is of claim %d, want %d", d.Address, d.Epoch, second)
		}
	}
	ids := func(all []Claimed) (ids []int64) {
		for _, d := range all {
			ids = append(ids, d.Delivery)
		}
		return ids
	}
	for i, t := range taken[:2] {
		held := one[[]int64](w, `select deliveries from claims where epoch = $1 order by place desc limit 1`, t.Deliveries[0].Epoch)
		if !slices.Equal(held, ids(t.Deliveries)) {
			w.t.Fatalf("claim %d holds %v, and its lane sends %v", i, held, ids(t.Deliveries))
		}
	}
	w.must(w.Release(ctx, second))
	if again := addresses(w.claim(id, b, 1, 9)); len(again) != 5 {
		t.Errorf("after its end %v wait at b.test, want five", again)
	}
	w.balanced()
}
