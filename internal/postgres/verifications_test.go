package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/verification"
	"github.com/headwaymail/headway/pacing/reply"
)

func (w *world) verify(scope VerificationScope) int64 {
	w.t.Helper()
	id, err := w.NewVerification(context.Background(), scope, w.now, func(pgx.Tx, int64) error { return nil })
	w.must(err)
	return id
}

// What is verified by itself: a list by age, a list after a campaign, an import
// that was left out, and domains that were missing.
func TestDueVerifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	imported := w.file("Readers", "a.test", "", 3)
	list := one[int64](w, `select id from lists`)
	w.exec(`update imports set finished_at = $1`, w.now)
	due := func(want ...VerificationScope) {
		t.Helper()
		got, err := w.DueVerifications(ctx, w.now)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	}
	whole := VerificationScope{List: list}
	due(VerificationScope{List: list, Import: imported})
	w.must(w.FinishVerification(ctx, w.verify(VerificationScope{List: list, Import: imported}), w.now))
	due()
	w.now = w.now.Add(31 * 24 * time.Hour)
	due(whole)
	first := w.verify(whole)
	if again := w.verify(whole); again != first {
		t.Errorf("a pass that is open was begun again: %d and %d", first, again)
	}
	w.must(w.FinishVerification(ctx, first, w.now))
	due()
	id := w.launch("Readers")
	w.now = w.now.Add(time.Hour)
	w.exec(`update campaigns set state = 'finished', finished_at = $2 where id = $1`, id, w.now)
	due(whole)
	w.exec(`update lists set verify_days = 0`)
	due()
	w.exec(`update domains set gone_since = $1, verify_at = $1`, w.now)
	due(VerificationScope{})
}

// History is read from the ledger, and from bounces on record.
func TestContactFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "took@a.test", "refused@a.test", "full@a.test", "fullonce@a.test", "record@a.test", "new@a.test")
	for range 3 {
		id := w.launch("Readers")
		for i, change := range []string{"state = 'delivered'", "state = 'bounced', class = 'bad_mailbox', reply = '550 5.1.1 no'",
			"state = 'bounced', class = 'mailbox_full', reply = '552 5.2.2 full'"} {
			w.exec(`update deliveries set `+change+`, updated_at = $3 where campaign_id = $1 and contact_id = $2`, id, ids[i], w.now)
		}
		full := "state = 'bounced', class = 'mailbox_full'"
		if w.now.Sub(noon) == time.Hour {
			full = "state = 'delivered'" // it went in between
		}
		w.exec(`update deliveries set `+full+`, updated_at = $3 where campaign_id = $1 and contact_id = $2`, id, ids[3], w.now)
		w.now = w.now.Add(time.Hour)
	}
	w.exec(`insert into suppressions (scope, kind, key, reason, evidence, created_at) values ('global', 'address', 'record@a.test', 'bounced', '{}', $1)`, w.now)
	got := make(map[string]verification.History)
	last := noon.Add(2 * time.Hour)
	w.must(w.EachContactFacts(ctx, ids, Past{Any: true}, w.now, func(c ContactFacts) error {
		got[c.Address] = c.History
		return nil
	}))
	refusal := func(b reply.Bounce, words string, at time.Time) verification.Refusal {
		return verification.Refusal{At: at, Bounce: b, Reply: words}
	}
	want := map[string]verification.History{
		"took@a.test":     {Accepted: last, Kept: noon},
		"refused@a.test":  {Refusal: refusal(reply.BounceBadMailbox, "550 5.1.1 no", last)},
		"full@a.test":     {Refusal: refusal(reply.BounceMailboxFull, "552 5.2.2 full", last), FullTimes: 3},
		"fullonce@a.test": {Accepted: noon.Add(time.Hour), Kept: noon.Add(time.Hour), Refusal: refusal(reply.BounceMailboxFull, "", last), FullTimes: 1},
		"record@a.test":   {Refusal: refusal(reply.BounceBadMailbox, "a bounce on record", w.now)},
		"new@a.test":      {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
}

// Silence is read from campaigns of which everything was counted, and from what
// people did; what programs did is no sign, and may veil one.
func TestSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "silent@a.test", "clicks@a.test", "veiled@a.test", "scanned@a.test")
	begin := w.now
	var last int64
	for i := range 7 {
		last = w.launch("Readers")
		opens := i != 3 // of one campaign, opens were not counted
		w.exec(`update campaigns set settings = settings || jsonb_build_object('tracking', jsonb_build_object('clicks', true, 'opens', $2::bool)) where id = $1`, last, opens)
		w.exec(`update deliveries set state = 'delivered', updated_at = $2 where campaign_id = $1`, last, w.now)
		w.now = w.now.AddDate(0, 0, 50)
	}
	for _, e := range []struct {
		contact int64
		kind    string
		machine bool
		rule    string
	}{{ids[1], "click", false, ""}, {ids[2], "open", true, "apple_mpp"}, {ids[3], "click", true, "scanner"}} {
		w.exec(`insert into engagements (campaign_id, contact_id, kind, link, machine, times, first_at, last_at, rule) values ($1, $2, $3, 0, $4, 1, $5, $5, $6)`,
			last, e.contact, e.kind, e.machine, w.now, e.rule)
	}
	past, err := w.Past(ctx, w.now)
	w.must(err)
	got := make(map[string]verification.Silence)
	w.must(w.EachContactFacts(ctx, ids, past, w.now, func(c ContactFacts) error {
		got[c.Address] = c.Silence
		return nil
	}))
	silent := verification.Silence{Since: begin, Messages: 4} // the last 270 days of 350 hold five, of which one tells nothing
	clicks, veiled := silent, silent
	clicks.Sign, veiled.Veiled = w.now, w.now
	want := map[string]verification.Silence{"silent@a.test": silent, "clicks@a.test": clicks, "veiled@a.test": veiled, "scanned@a.test": silent}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("silence (-want +got):\n%s", diff)
	}
}
