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
	_, err := w.JudgeUnmailable(ctx, w.judgement(MailHostTemporary, "a.test"))
	w.must(err)
	w.must(w.SaveLooks(ctx, []Look{
		{Domain: w.domain("a.test"), Found: MailHostMX, MX: []string{"mx1.p.test", "mx2.p.test"}, ProviderKey: "p", Provider: "P", Expires: w.now.Add(time.Hour)},
		{Domain: w.domain("b.test"), Found: MailHostImplicit, ProviderKey: "b.test", Provider: "b.test", Expires: w.now.Add(time.Hour)},
		{Domain: w.domain("c.test"), Found: MailHostTemporary, Expires: w.now.Add(time.Hour)},
	}, w.now))
	w.balanced()
	w.must(w.Count(ctx))
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
	if want := []UnknownDomain{{ID: w.domain("c.test"), Name: "c.test"}}; !cmp.Equal(want, unknown) {
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

// judgement is a look at domains that found no mail host.
func (w *world) judgement(found MailHost, domains ...string) Judgement {
	silent := make(map[int64]Silence)
	for _, name := range domains {
		silent[w.domain(name)] = Silence{Found: found, Looks: 9}
	}
	return Judgement{Node: 1, Silent: silent, At: w.now, Terms: func(int64) campaign.Settings { return campaign.DefaultSettings() }}
}

// What a look found is an attempt of each due delivery; an answer that stays the
// same is kept once, and how it ended always.
func TestJudgeUnmailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "a@gone.test", "b@gone.test")
	id := w.launch("Readers")
	for i, look := range []struct {
		found        MailHost
		after        time.Duration
		judged, kept int
		state, told  string
	}{
		{MailHostNoDomain, 0, 2, 2, "deferred", "the domain does not exist (NXDOMAIN)"},
		{MailHostNoDomain, 0, 0, 2, "deferred", "the domain does not exist (NXDOMAIN)"}, // not due again
		{MailHostTemporary, time.Hour, 2, 4, "deferred", "DNS gave no answer for the domain (attempt 2)"},
		{MailHostTemporary, time.Hour, 2, 4, "deferred", "DNS gave no answer for the domain (attempt 3)"},
		{MailHostTemporary, time.Hour, 2, 4, "deferred", "DNS gave no answer for the domain (attempt 4)"},
		{MailHostNoDomain, time.Hour, 2, 6, "bounced", "the domain does not exist (NXDOMAIN) (attempt 5)"},
	} {
		w.now = w.now.Add(look.after)
		if any, err := w.AnyUnknownDomain(ctx, w.now); any != (look.judged > 0) || err != nil {
			t.Errorf("look %d: mail waits for a provider: %v, %v", i, any, err)
		}
		if n, err := w.JudgeUnmailable(ctx, w.judgement(look.found, "gone.test")); n != look.judged || err != nil {
			t.Errorf("look %d judged %d, %v; want %d", i, n, err, look.judged)
		}
		if n := one[int](w, `select count(*) from attempts`); n != look.kept {
			t.Errorf("look %d: %d attempts are kept; want %d", i, n, look.kept)
		}
		if p, err := w.Person(ctx, "a@gone.test", 20); err != nil || p.Timeline[0].Reply != look.told {
			t.Errorf("look %d: the person's timeline says %+v, %v; want %q", i, p.Timeline, err, look.told)
		}
		if got := w.state(id, ids[0]); got != look.state {
			t.Errorf("look %d: is %s; want %s", i, got, look.state)
		}
	}
	if n := one[int](w, `select max(attempts) from deliveries`); n != 5 {
		t.Errorf("%d attempts are counted; want 5", n)
	}
	if got := w.totals(id); got.Bounced != 2 || got.Targeted != 2 {
		t.Errorf("counted %+v", got)
	}
}

// All mail of a silent domain falls due again at once, whichever campaign of
// the same age it belongs to, and that of a provider apart from that of nobody.
func TestJudgementKeepsDomainsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 40, "a.test", "b.test", "known.test")
	provider := w.at("known.test")
	w.launch("Readers")
	j := w.judgement(MailHostTemporary, "a.test", "b.test", "known.test")
	for domain, s := range j.Silent {
		s.Spread = float64(domain) / 10
		j.Silent[domain] = s
	}
	if n, err := w.JudgeUnmailable(ctx, j); n != 80 || err != nil {
		t.Errorf("judged %d, %v; want those of two domains", n, err)
	}
	if n := one[int](w, `select count(distinct (domain_id, due_at)) from mail_queue where deferred`); n != 2 {
		t.Errorf("two domains fall due at %d times", n)
	}
	j.Provider, j.Campaign = provider, 999
	if n, err := w.JudgeUnmailable(ctx, j); n != 0 || err != nil {
		t.Errorf("judged %d of a campaign that is not there, %v", n, err)
	}
	j.Campaign = 0
	if n, err := w.JudgeUnmailable(ctx, j); n != 40 || err != nil {
		t.Errorf("judged %d at the provider, %v", n, err)
	}
	w.balanced()
}

// An answer that nobody gave is no look that found no mail host.
func TestLooksCountWhatWasFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "a@gone.test")
	for i, look := range []struct {
		found MailHost
		want  int
	}{{MailHostTemporary, 0}, {MailHostNoDomain, 1}, {MailHostTemporary, 1}, {MailHostNone, 2}, {MailHostMX, 0}} {
		w.must(w.SaveLooks(t.Context(), []Look{{Domain: w.domain("gone.test"), Found: look.found, Expires: w.now}}, w.now))
		if n := one[int](w, `select looks from domains where name = 'gone.test'`); n != look.want {
			t.Errorf("look %d: %d are counted, want %d", i, n, look.want)
		}
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
