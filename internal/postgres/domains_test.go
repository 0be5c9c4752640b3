package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
)

// Deliveries whose provider is unknown count for provider 0, and move with all
// their states when it is found.
func TestSaveLooksMovesCounters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 3, "a.test", "b.test", "c.test")
	sending, paused, cancelled := w.launch("Readers"), w.launch("Readers"), w.launch("Readers")
	w.change(paused, campaign.Pause)
	w.change(cancelled, campaign.Cancel)
	_, err := w.JudgeUnmailable(ctx, w.domain("a.test"), w.now, func(d Held) Outcome {
		o := settle(w)(d)
		o.InDoubt = false
		return o
	})
	w.must(err)
	w.must(w.SaveLooks(ctx, []Look{
		{Domain: w.domain("a.test"), Found: MailHostMX, MX: []string{"mx1.p.test", "mx2.p.test"}, ProviderKey: "p", Provider: "P", Expires: w.now.Add(time.Hour)},
		{Domain: w.domain("b.test"), Found: MailHostImplicit, ProviderKey: "b.test", Provider: "b.test", Expires: w.now.Add(time.Hour)},
		{Domain: w.domain("c.test"), Found: MailHostTemporary, Expires: w.now.Add(time.Hour)},
	}, w.now))
	w.balanced()
	byProvider := func(id int64) map[string]campaign.Counters {
		list, err := w.ProviderCounters(ctx, id)
		w.must(err)
		found := make(map[string]campaign.Counters)
		for _, p := range list {
			if p.Counters.Targeted > 0 {
				found[p.Name] = p.Counters
			}
		}
		return found
	}
	const unknownName = "No mail host known"
	three := campaign.Counters{Targeted: 3, Queued: 3}
	if diff := cmp.Diff(map[string]campaign.Counters{"P": {Targeted: 3, Deferred: 3}, "b.test": three, unknownName: three}, byProvider(sending)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]campaign.Counters{"P": three, "b.test": three, unknownName: three}, byProvider(paused)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]campaign.Counters{unknownName: {Targeted: 9, Queued: 9}}, byProvider(cancelled)); diff != "" {
		t.Error(diff)
	}
	unknown, err := w.UnknownDomains(ctx, 10, w.now)
	w.must(err)
	if want := []UnknownDomain{{ID: w.domain("c.test"), Name: "c.test", Looks: 1}}; !cmp.Equal(want, unknown) {
		t.Errorf("unknown are %+v", unknown)
	}

	w.look("a.test", "q") // moved elsewhere; what is on its way stays with p
	if n := one[int](w, `select count(*) from domain_moves where domain_id = $1`, w.domain("a.test")); n != 1 {
		t.Errorf("%d moves are kept", n)
	}
	w.balanced()
	w.must(w.SaveLooks(ctx, []Look{{Domain: w.domain("a.test"), Found: MailHostTemporary, Expires: w.now}}, w.now))
	if key := one[string](w, `select p.key from domains d join providers p on p.id = d.provider_id where d.name = 'a.test'`); key != "q" {
		t.Errorf("without an answer from DNS, a.test is at %q", key)
	}
}

func TestJudgeUnmailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "a@gone.test", "b@gone.test")
	id := w.launch("Readers")
	words, meaning := MailHostNoDomain.Reply()
	judge := func(to campaign.DeliveryState) int {
		w.t.Helper()
		n, err := w.JudgeUnmailable(ctx, w.domain("gone.test"), w.now, func(d Held) Outcome {
			from := campaign.DeliveryState(d.State)
			o := Outcome{Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.Domain, From: from,
				Node: 1, Number: d.Attempts + 1, First: w.now, At: w.now, Reply: words, Meaning: meaning, To: to, Due: w.now.Add(time.Minute)}
			if d.FirstAttempt != nil {
				o.First = *d.FirstAttempt
			}
			return o
		})
		w.must(err)
		return n
	}
	if n := judge(campaign.Deferred); n != 2 {
		t.Errorf("judged %d; want 2", n)
	}
	if n := judge(campaign.Deferred); n != 0 {
		t.Errorf("judged %d before they were due again", n)
	}
	if any, err := w.AnyUnknownDomain(ctx, w.now); any || err != nil {
		t.Errorf("waits for a provider before it is due: %v, %v", any, err)
	}
	w.now = w.now.Add(time.Hour)
	if any, err := w.AnyUnknownDomain(ctx, w.now); !any || err != nil {
		t.Errorf("nothing waits for a provider: %v, %v", any, err)
	}
	if n := judge(campaign.Bounced); n != 2 {
		t.Errorf("judged %d; want 2", n)
	}
	if got := w.totals(id); got.Bounced != 2 || got.Targeted != 2 {
		t.Errorf("counted %+v", got)
	}
	if got := w.state(id, ids[0]); got != "bounced" {
		t.Errorf("is %s", got)
	}
	if n := one[int](w, `select count(*) from attempts where reply = 'the domain does not exist (NXDOMAIN)'`); n != 4 {
		t.Errorf("%d attempts are kept; want 4", n)
	}
}

// Other rules by which mail is routed make waiting mail ask for its provider
// again; what is final keeps the one that it went to.
func TestSetRoutesUnassignsWaitingMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 3, "a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	first, err := w.ProviderCounters(ctx, id)
	w.must(err)
	w.record(w.accepted(w.claim(id, provider, 1, 1)[0], provider))

	for _, tc := range []struct {
		rules   string
		changed bool
	}{{"", false}, {"* relay:r.test:25", true}, {"* relay:r.test:25", false}} {
		changed, err := w.SetRoutes(ctx, tc.rules, w.now)
		w.must(err)
		if changed != tc.changed {
			t.Errorf("%q: changed is %v", tc.rules, changed)
		}
	}
	w.balanced()
	counters, err := w.ProviderCounters(ctx, id)
	w.must(err)
	got := make(map[string]campaign.Counters)
	for _, p := range counters {
		got[p.Name] = p.Counters
	}
	want := map[string]campaign.Counters{
		first[0].Name:        {Targeted: 1, Delivered: 1, AcceptedFirst: 1},
		"No mail host known": {Targeted: 2, Queued: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	unknown, err := w.UnknownDomains(ctx, 10, w.now)
	w.must(err)
	if len(unknown) != 1 || unknown[0].Name != "a.test" {
		t.Errorf("unknown are %+v", unknown)
	}
}
