package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

// reclassifyBatch is the number of refusals that are looked at together.
const reclassifyBatch = 500

// reclassifyArgs say from when on refusals are judged again.
type reclassifyArgs struct {
	Since time.Time `json:"since"`
}

func (reclassifyArgs) Kind() string { return "reclassify" }

func (reclassifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000}
}

type reclassifyWorker struct {
	river.WorkerDefaults[reclassifyArgs]
	bulk *Bulk
}

func (w *reclassifyWorker) NextRetry(job *river.Job[reclassifyArgs]) time.Time {
	return soon(job.Attempt)
}

// Work judges refusals again by the rules of this node, and corrects what
// follows from them. Doing it twice changes nothing more.
func (w *reclassifyWorker) Work(ctx context.Context, job *river.Job[reclassifyArgs]) error {
	done, err := Reclassify(ctx, w.bulk.Store, w.bulk.Rules, job.Args.Since, true)
	if err != nil {
		return err
	}
	w.bulk.Log.Info("refusals were judged again", "looked at", done.Looked, "changed", done.Changed, "lifted", done.Lifted,
		"suppressed", done.Suppressed, "sent again", done.SentAgain)
	return w.bulk.Store.Notify(ctx, "campaign")
}

// AskReclassify inserts the job that judges refusals again.
func (q *Queue) AskReclassify(ctx context.Context, since time.Time) error {
	if _, err := q.client.Insert(ctx, reclassifyArgs{Since: since}, nil); err != nil {
		return fmt.Errorf("ask for refusals to be judged again: %w", err)
	}
	return nil
}

// Reclassified are the figures of judging refusals again.
type Reclassified struct {
	Looked     int            `json:"looked_at"`
	Changed    int            `json:"changed"`    // mean something else now
	Lifted     int            `json:"lifted"`     // suppressions that rested on them
	Suppressed int            `json:"suppressed"` // addresses
	SentAgain  int            `json:"sent_again"` // deliveries of live campaigns
	From       map[string]int `json:"from"`       // "old class → new class", how often
}

// Reclassify judges the refusals since a time again by rules, nil for the
// built-in ones, and corrects the ledger and the suppressions when apply is set.
// What a refusal costs softly is not counted again.
func Reclassify(ctx context.Context, store *postgres.Store, rules *reply.Rules, since time.Time, apply bool) (Reclassified, error) {
	if rules == nil {
		rules = reply.Default()
	}
	sum := Reclassified{From: make(map[string]int)}
	after, delivery := since, int64(0)
	for {
		list, err := store.DecidedSince(ctx, since, after, delivery, reclassifyBatch)
		if err != nil || len(list) == 0 {
			return sum, err
		}
		var corrections []postgres.Correction
		for _, d := range list {
			sum.Looked++
			if c, changed := judgeAgain(rules, d); changed {
				corrections = append(corrections, c)
				sum.count(c)
			}
		}
		if apply && len(corrections) > 0 {
			if err := store.Correct(ctx, corrections, time.Now()); err != nil {
				return sum, err
			}
		}
		last := list[len(list)-1]
		after, delivery = last.At, last.Delivery
	}
}

func (s *Reclassified) count(c postgres.Correction) {
	s.Changed++
	s.From[c.Bounce+" → "+string(c.Meaning.Bounce)]++
	for n, holds := range map[*int]bool{&s.Lifted: c.Lift, &s.Suppressed: c.Suppress, &s.SentAgain: c.SendAgain} {
		if holds {
			*n++
		}
	}
}

// judgeAgain says what rules make of a refusal. Refusals that no reply brought
// (a message that could not be composed, a domain without mail) are left alone.
func judgeAgain(rules *reply.Rules, d postgres.Decided) (postgres.Correction, bool) {
	r := reply.Parse(reply.Phase(d.Phase), d.Reply)
	if r.Code == 0 && !d.Later {
		return postgres.Correction{}, false
	}
	m := rules.Classify(d.Key, r)
	if string(m.Bounce) == d.Bounce && string(m.Class) == d.Class || m.Rule == d.Rule || m.Rule == reply.Fallback {
		return postgres.Correction{}, false
	}
	c := postgres.Correction{Decided: d, Meaning: m, Effect: bounce.Costs(m, r.Phase, true, false)}
	if d.Later {
		c.Effect = bounce.Reported(m, r.Phase)
	}
	guilty := c.Effect.Kind == bounce.Suppress
	c.Lift = d.Suppressed && !guilty
	c.Suppress = !d.Suppressed && guilty
	c.SendAgain = d.Live && !d.Later && m.Temporary
	return c, true
}
