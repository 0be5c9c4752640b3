package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

// meant gives a refusal its meaning and what follows from it.
func meant(o Outcome, class reply.Bounce, scope reply.Scope) Outcome {
	o.Meaning.Bounce, o.Meaning.Scope, o.Meaning.Rule = class, scope, "a-rule"
	o.Address = bounce.Costs(o.Meaning, o.Reply.Phase, o.To == campaign.Bounced, o.To == campaign.Expired)
	return o
}

// once sends a campaign to one contact and records what came of it.
func (w *world) once(provider int64, outcome func(Claimed) Outcome) {
	w.t.Helper()
	w.look("a.test", "a.test") // what was found before ran out
	id := w.launch("Readers")
	claimed := w.claim(id, provider, 1, 1)
	if len(claimed) != 1 {
		w.t.Fatalf("claimed %d", len(claimed))
	}
	w.record(outcome(claimed[0]))
}

func (w *world) suppressed(key string) bool {
	w.t.Helper()
	return one[bool](w, `select exists (select from suppressions where key = $1 and (expires_at is null or expires_at > $2))`, key, w.now)
}

const aDay = 24 * time.Hour

// Three full mailboxes over three weeks suppress, unless a message got through.
func TestSoftRefusalsAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	full := func(d Claimed) Outcome {
		return meant(w.refused(d, provider, campaign.Bounced, 552, "mailbox full"), reply.BounceMailboxFull, reply.ScopeRecipient)
	}
	for _, step := range []struct {
		name string
		days int
		what func(Claimed) Outcome
		want bool
	}{
		{"once", 0, full, false},
		{"twice", 12, full, false},
		{"a message got through", 1, func(d Claimed) Outcome { return w.accepted(d, provider) }, false},
		{"once again", 1, full, false},
		{"twice again", 11, full, false},
		{"three times in 21 days", 11, full, true},
	} {
		w.now = w.now.Add(time.Duration(step.days) * aDay)
		w.once(provider, step.what)
		if got := w.suppressed("ana@a.test"); got != step.want {
			t.Fatalf("%s: suppressed %v, want %v", step.name, got, step.want)
		}
	}
	if words := one[string](w, `select concat_ws(' ', evidence->>'reply', evidence->>'rule', evidence->>'class', evidence->>'times') from suppressions`); words != "552 mailbox full a-rule mailbox_full 3" {
		t.Errorf("the evidence is %q", words)
	}
}

// Two refusals of one campaign count once.
func TestSoftRefusalsCountOnceACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	o := meant(w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Bounced, 552, "full"), reply.BounceMailboxFull, reply.ScopeRecipient)
	w.record(o)
	w.record(o) // late
	if sum := one[float64](w, `select sum::float8 from soft_bounces`); sum != 1 {
		t.Errorf("counted %g", sum)
	}
}

// A disabled mailbox is left alone for 90 days, and then for good.
func TestDisabledMailboxGetsOneMoreChance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	disabled := func(d Claimed) Outcome {
		return meant(w.refused(d, provider, campaign.Bounced, 550, "disabled"), reply.BounceInactive, reply.ScopeRecipient)
	}
	w.once(provider, disabled)
	if !w.suppressed("ana@a.test") {
		t.Fatal("not suppressed")
	}
	w.now = w.now.Add(91 * aDay)
	if w.suppressed("ana@a.test") {
		t.Fatal("suppressed for longer than 90 days")
	}
	w.once(provider, disabled)
	w.now = w.now.Add(1000 * aDay)
	if !w.suppressed("ana@a.test") || one[string](w, `select status from contacts`) != "cleaned" {
		t.Error("not suppressed for good")
	}
}

// A provider that refuses everybody suppresses nobody, not even those whom it
// refused before it was noticed; a second refusal a day later does.
func TestBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd("Readers", 60, "a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	unknown := func(d Claimed) Outcome {
		return meant(w.refused(d, provider, campaign.Bounced, 550, "no such user"), reply.BounceBadMailbox, reply.ScopeRecipient)
	}
	claimed := w.claim(id, provider, 1, 60)
	for _, d := range claimed[:20] {
		w.record(w.accepted(d, provider))
	}
	for _, d := range claimed[20:39] {
		w.record(unknown(d))
	}
	if n := one[int](w, `select count(*) from suppressions`); n != 19 {
		t.Fatalf("%d are suppressed, want 19", n)
	}
	w.now = w.now.Add(time.Minute)
	for _, d := range claimed[39:] {
		w.record(unknown(d))
	}
	if n, pending := one[int](w, `select count(*) from suppressions`), one[int](w, `select count(*) from pending_suppressions`); n != 0 || pending != 40 {
		t.Errorf("%d are suppressed and %d wait, want 0 and 40", n, pending)
	}
	if n := one[int](w, `select count(*) from contacts where status <> 'active'`); n != 0 {
		t.Errorf("%d contacts are not active", n)
	}
	tripped, err := w.UntoldBreakers(context.Background())
	w.must(err)
	if len(tripped) != 1 || tripped[0].Campaign != id || !strings.Contains(tripped[0].Words, "refused 20 of 40 recipients") {
		t.Errorf("told: %+v", tripped)
	}
	w.now = w.now.Add(25 * time.Hour)
	w.look("a.test", "a.test")
	next := w.launch("Readers")
	for i, d := range w.claim(next, provider, 1, 60) {
		if o := unknown(d); i%2 == 0 {
			w.record(w.accepted(d, provider))
		} else if i < 10 {
			w.record(o)
		}
	}
	if n := one[int](w, `select count(*) from suppressions`); n == 0 || n > 5 {
		t.Errorf("%d are confirmed, want those few that were refused again", n)
	}
}

// A report corrects a delivered row, with its counters, and only once.
func TestReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test", "bo@a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	claimed := w.claim(id, provider, 1, 2)
	w.record(w.accepted(claimed[0], provider), w.accepted(claimed[1], provider))
	m := reply.Meaning{Class: reply.ClassMailbox, Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient, Rule: "a-rule"}
	report := Reported{Campaign: id, Contact: claimed[0].Contact, Host: "mx.far.test", At: w.now.Add(time.Hour), Meaning: m,
		Reply: reply.Reply{Phase: reply.PhaseAsync, Code: 550, Lines: []string{"no such user"}}, Address: bounce.Reported(m, reply.PhaseAsync)}
	for i, want := range []struct {
		was     campaign.DeliveryState
		changed bool
	}{{campaign.Delivered, true}, {campaign.Bounced, false}} {
		w.must(w.InTx(context.Background(), func(tx pgx.Tx) error {
			was, changed, err := RecordReport(context.Background(), tx, report)
			if was != want.was || changed != want.changed {
				t.Errorf("report %d: it was %s, changed %v; want %+v", i+1, was, changed, want)
			}
			return err
		}))
		if got := w.totals(id); got != (campaign.Counters{Targeted: 2, Delivered: 1, AcceptedFirst: 1, Bounced: 1}) {
			t.Errorf("report %d: counted %+v", i+1, got)
		}
	}
	if !w.suppressed("ana@a.test") || w.suppressed("bo@a.test") {
		t.Error("the wrong ones are suppressed")
	}
	if n := one[int](w, `select count(*) from attempts where phase = 'async'`); n != 1 {
		t.Errorf("%d reports are kept as attempts", n)
	}
}

// A corrected refusal lifts what rested on it and is tried again.
func TestCorrect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.join("Readers", "ana@a.test")
	provider := w.at("a.test")
	id := w.launch("Readers")
	w.record(meant(w.refused(w.claim(id, provider, 1, 1)[0], provider, campaign.Bounced, 550, "quarantined by the moon"), reply.BounceBadMailbox, reply.ScopeRecipient))
	ctx := context.Background()
	list, err := w.DecidedSince(ctx, w.now.Add(-aDay), w.now.Add(-aDay), 0, 10)
	w.must(err)
	if len(list) != 1 || !list[0].Live || !list[0].Suppressed || list[0].Later {
		t.Fatalf("found %+v", list)
	}
	m := reply.Meaning{Class: reply.ClassReputation, Bounce: reply.BounceBlockedIP, Scope: reply.ScopeSource, Temporary: true, Rule: "moon"}
	w.must(w.Correct(ctx, []Correction{{Decided: list[0], Meaning: m, Lift: true, SendAgain: true}}, w.now))
	if w.suppressed("ana@a.test") || one[string](w, `select status from contacts`) != "active" {
		t.Error("still suppressed")
	}
	if got := w.totals(id); got != (campaign.Counters{Targeted: 1, Queued: 1}) {
		t.Errorf("counted %+v", got)
	}
	if again := w.claim(id, provider, 1, 1); len(again) != 1 {
		t.Error("it is not sent again")
	}
}

// An inbound mail is read once, put back when that fails, and given up at last.
func TestSettleInbound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	_, err := w.SaveInbound(ctx, InboundMail{At: w.now, Purpose: PurposeRole, Remote: "192.0.2.1", HELO: "mx\x00", Raw: []byte("hi"), Size: 2}, nil)
	w.must(err)
	reads := 0
	for range 12 {
		_, err := w.SettleInbound(ctx, w.now, func(pgx.Tx, InboundMail) (Settlement, error) {
			reads++
			return Settlement{}, fmt.Errorf("no luck")
		})
		w.must(err)
		w.now = w.now.Add(time.Hour)
	}
	if reads != mostTries {
		t.Errorf("read %d times", reads)
	}
	if n, err := w.InboundWaiting(ctx, 10); err != nil || n != 0 {
		t.Errorf("%d wait: %v", n, err)
	}
	counts, err := w.InboundCounts(ctx, noon.Add(-aDay))
	w.must(err)
	if len(counts) != 1 || counts[0].Kind != "failed" {
		t.Errorf("counted %+v", counts)
	}
	w.must(w.ForgetInbound(ctx, w.now.Add(31*aDay)))
	if n := one[int](w, `select count(*) from inbound_mails`); n != 0 {
		t.Errorf("%d are kept for ever", n)
	}
}
