package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/verification"
)

// judgeBatch contacts get their verdicts in one transaction.
const judgeBatch = 10_000

type verifyArgs struct {
	Verification int64 `json:"verification"`
}

func (verifyArgs) Kind() string { return "verify" }

func (verifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000}
}

type verifyWorker struct {
	river.WorkerDefaults[verifyArgs]
	bulk *Bulk
}

func (w *verifyWorker) NextRetry(job *river.Job[verifyArgs]) time.Time { return soon(job.Attempt) }

// Work looks up the domains of a verification, then gives its contacts their
// verdicts. Interrupted, it goes on where it stood: a domain that was saved is
// not looked at again, nor a contact before the cursor.
func (w *verifyWorker) Work(ctx context.Context, job *river.Job[verifyArgs]) error {
	store := w.bulk.Store
	v, err := store.Verification(ctx, job.Args.Verification)
	if errors.Is(err, postgres.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil || v.State == postgres.VerificationDone {
		return err
	}
	if v.State == postgres.VerificationWaiting {
		if err := store.BeginVerification(ctx, v, time.Now()); err != nil {
			return err
		}
	}
	if v.State != postgres.VerificationContacts {
		if err := w.bulk.lookAtDomains(ctx, v.ID); err != nil {
			return err
		}
		if err := store.BeginJudging(ctx, v.ID); err != nil {
			return err
		}
	}
	if v, err = store.Verification(ctx, v.ID); err != nil {
		return err
	}
	if err := w.bulk.judgeContacts(ctx, v); err != nil {
		return err
	}
	return store.FinishVerification(ctx, v.ID, time.Now())
}

// judgeContacts gives verdicts from the cursor on. While contacts are judged and
// their verdicts saved, the next ones are read.
func (b *Bulk) judgeContacts(ctx context.Context, v postgres.Verification) error {
	lists, err := b.Store.RiskLists(ctx)
	if err != nil {
		return err
	}
	policy := address.Policy{AllowReserved: b.Sandboxed}
	judge := verification.NewJudge(lists, policy)
	if v.Counts.Verdicts == nil {
		v.Counts = postgres.VerificationCounts{Verdicts: map[string]int64{}, Reasons: map[string]int64{}}
	}
	group, ctx := errgroup.WithContext(ctx)
	pages, from := make(chan contactPage), v
	group.Go(func() error {
		defer close(pages)
		return b.readContacts(ctx, from, pages)
	})
	group.Go(func() error {
		for page := range pages {
			var changed []postgres.NewVerdict
			for _, c := range page.facts {
				verdict, err := JudgeContact(judge, policy, c, time.Now())
				if err != nil {
					return err
				}
				v.Counts.Verdicts[verdict.Verdict]++
				v.Counts.Reasons[verdict.Reasons[0]]++
				if verdict.Suggestion != "" {
					v.Counts.Mendable++
				}
				if verdict.Verdict != c.Verdict || verdict.Suggestion != c.Suggestion || !slices.Equal(verdict.Reasons, c.Reasons) {
					changed = append(changed, verdict)
				}
			}
			v.Counts.Changed += int64(len(changed))
			v.Cursor = page.last
			if err := b.Store.SaveVerdicts(ctx, v, changed); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// contactPage are contacts of a verification that are judged at one time.
type contactPage struct {
	facts []postgres.ContactFacts
	last  int64 // id of the last one
}

// readContacts reads what verdicts follow from, page by page.
func (b *Bulk) readContacts(ctx context.Context, v postgres.Verification, pages chan<- contactPage) error {
	past, err := b.Store.Past(ctx, time.Now())
	if err != nil {
		return err
	}
	for {
		ids, err := b.Store.VerifyPage(ctx, v, judgeBatch)
		if err != nil || len(ids) == 0 {
			return err
		}
		v.Cursor = ids[len(ids)-1]
		page := contactPage{facts: make([]postgres.ContactFacts, 0, len(ids)), last: v.Cursor}
		err = b.Store.EachContactFacts(ctx, ids, past, time.Now(), func(c postgres.ContactFacts) error {
			page.facts = append(page.facts, c)
			return nil
		})
		if err != nil {
			return err
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// JudgeContact turns a stored contact into its verdict. Evidence is kept apart
// from the domain's row only where it says more than that.
func JudgeContact(judge *verification.Judge, policy address.Policy, c postgres.ContactFacts, now time.Time) (postgres.NewVerdict, error) {
	facts := verification.Facts{Domain: c.Domain, History: c.History, Silence: c.Silence,
		Origin: c.Origin, Returned: c.Returned, UTF8: c.UTF8}
	var err error
	if facts.Address, err = policy.Parse(c.Address); err != nil && !errors.As(err, &facts.Problem) {
		return postgres.NewVerdict{}, fmt.Errorf("address of contact %d: %w", c.ID, err)
	}
	result := judge.Judge(facts, now)
	verdict := postgres.NewVerdict{Contact: c.ID, Verdict: string(result.Verdict), Suggestion: result.Suggestion}
	for _, reason := range result.Reasons {
		verdict.Reasons = append(verdict.Reasons, string(reason))
	}
	if result.Reasons[0] != listhygiene.NoHistory {
		if verdict.Evidence, err = json.Marshal(result.Evidence); err != nil {
			return verdict, fmt.Errorf("evidence of contact %d: %w", c.ID, err)
		}
	}
	return verdict, nil
}

// VerifyTx inserts the job of a verification.
func (q *Queue) VerifyTx(ctx context.Context, tx pgx.Tx, id int64) error {
	return insertVerify(ctx, q.client, tx, id)
}

func insertVerify(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, id int64) error {
	if _, err := client.InsertTx(ctx, tx, verifyArgs{Verification: id}, nil); err != nil {
		return fmt.Errorf("insert the job of verification %d: %w", id, err)
	}
	return nil
}

// verifyImport has the contacts of an import that ended verified.
func (b *Bulk) verifyImport(ctx context.Context, i postgres.Import) error {
	return b.verify(ctx, postgres.VerificationScope{List: i.List, Import: i.ID})
}

// verify begins a verification from within a job.
func (b *Bulk) verify(ctx context.Context, scope postgres.VerificationScope) error {
	_, err := b.Store.NewVerification(ctx, scope, time.Now(), func(tx pgx.Tx, id int64) error {
		return insertVerify(ctx, river.ClientFromContext[pgx.Tx](ctx), tx, id)
	})
	return err
}
