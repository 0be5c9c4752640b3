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
	w.must(w.EachContactFacts(ctx, ids, true, func(c ContactFacts) error {
		got[c.Address] = c.History
		return nil
	}))
	refusal := func(b reply.Bounce, words string, at time.Time) verification.Refusal {
		return verification.Refusal{At: at, Bounce: b, Reply: words}
	}
	want := map[string]verification.History{
		"took@a.test":     {Accepted: last},
		"refused@a.test":  {Refusal: refusal(reply.BounceBadMailbox, "550 5.1.1 no", last)},
		"full@a.test":     {Refusal: refusal(reply.BounceMailboxFull, "552 5.2.2 full", last), FullTimes: 3},
		"fullonce@a.test": {Accepted: noon.Add(time.Hour), Refusal: refusal(reply.BounceMailboxFull, "", last), FullTimes: 1},
		"record@a.test":   {Refusal: refusal(reply.BounceBadMailbox, "a bounce on record", w.now)},
		"new@a.test":      {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
}
