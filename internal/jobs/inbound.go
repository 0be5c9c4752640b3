package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/listhygiene/dsn"
	"github.com/headwaymail/headway/pacing/reply"
)

// inboundEvery is how often mails that could not be recorded are looked at
// again, and old ones are forgotten.
const inboundEvery = time.Minute

// inboundArgs have no fields: one job reads all mails that wait.
type inboundArgs struct{}

func (inboundArgs) Kind() string { return "inbound" }

func (inboundArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

// periodic are the jobs that come by themselves, on nodes that work them.
func periodic(work Work) []*river.PeriodicJob {
	if work.Bulk == nil {
		return nil
	}
	jobs := []*river.PeriodicJob{reverify()}
	if work.Bulk.Tokens != nil {
		jobs = append(jobs, river.NewPeriodicJob(river.PeriodicInterval(inboundEvery),
			func() (river.JobArgs, *river.InsertOpts) { return inboundArgs{}, nil }, nil))
	}
	return jobs
}

// AskInboundTx inserts the job that reads inbound mails, in the transaction that
// stores one.
func (q *Queue) AskInboundTx(ctx context.Context, tx pgx.Tx) error {
	if _, err := q.client.InsertTx(ctx, tx, inboundArgs{}, nil); err != nil {
		return fmt.Errorf("ask for a look at inbound mail: %w", err)
	}
	return nil
}

type inboundWorker struct {
	river.WorkerDefaults[inboundArgs]
	bulk *Bulk
}

func (w *inboundWorker) NextRetry(job *river.Job[inboundArgs]) time.Time { return soon(job.Attempt) }

// lingers is how long the job waits for another mail before it ends, so that a
// stream of mails is one job.
const lingers = 2 * time.Second

// Work reads mails until none is left.
func (w *inboundWorker) Work(ctx context.Context, job *river.Job[inboundArgs]) error {
	for last := time.Now(); time.Since(last) < lingers; {
		found, err := w.bulk.Store.SettleInbound(ctx, time.Now(), w.read(ctx))
		if err != nil {
			return err
		}
		if found {
			last = time.Now()
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lingers / 8):
		}
	}
	if err := w.bulk.Store.ForgetInbound(ctx, time.Now()); err != nil {
		return err
	}
	for {
		if ended, err := w.end(ctx, job); err != nil || ended {
			return err
		}
	}
}

// errMore keeps a job from ending.
var errMore = errors.New("another mail came")

// end completes the job, unless there is one more mail to read. A mail that is
// stored while a job is open asks for none. Such a transaction has the job's row
// until its mail can be seen, and we are behind it; one that finds the row with
// us waits until the job is over, and then asks for another.
func (w *inboundWorker) end(ctx context.Context, job *river.Job[inboundArgs]) (ended bool, err error) {
	err = w.bulk.Store.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
			return fmt.Errorf("complete the reading of inbound mail: %w", err)
		}
		found, err := w.bulk.Store.SettleInbound(ctx, time.Now(), w.read(ctx))
		if err == nil && found {
			err = errMore
		}
		return err
	})
	return err == nil, ignoring(err, errMore)
}

// read says what becomes of one mail, and does it.
func (w *inboundWorker) read(ctx context.Context) func(pgx.Tx, postgres.InboundMail) (postgres.Settlement, error) {
	return func(tx pgx.Tx, m postgres.InboundMail) (postgres.Settlement, error) {
		r := dsn.Read(m.Raw)
		settled := postgres.Settlement{Kind: string(r.Kind), Words: r.Why}
		if m.Campaign == 0 && !w.claim(r, &m) {
			settled.Words = "no signed token of ours in it: a person must look. " + r.Why
			return settled, nil
		}
		var err error
		switch r.Kind {
		case dsn.Failure:
			err = w.fail(ctx, tx, m, r, &settled)
		case dsn.Complaint:
			settled.Words, err = w.complain(ctx, tx, m, r)
		case dsn.Unsubscribe, dsn.Other:
			if r.Kind == dsn.Unsubscribe || m.Purpose == postgres.PurposeUnsubscribe {
				settled.Kind = string(dsn.Unsubscribe)
				settled.Words, err = w.leave(ctx, m)
			}
		}
		return settled, err
	}
}

// claim finds whose message a mail is about by a token inside of it.
func (w *inboundWorker) claim(r dsn.Report, m *postgres.InboundMail) bool {
	for _, text := range r.Tokens() {
		for _, purpose := range []token.Purpose{token.Bounce, token.MessageID, token.MailtoUnsubscribe, token.Unsubscribe} {
			if claims, err := w.bulk.Tokens.Verify(text, purpose, m.At); err == nil {
				m.Campaign, m.Contact = claims.Campaign, claims.Contact
				return true
			}
		}
	}
	return false
}

// fail corrects the delivery that a failure speaks of. A report that names
// several recipients comes from a forwarder: the one with our contact's address
// counts, else the first.
func (w *inboundWorker) fail(ctx context.Context, tx pgx.Tx, m postgres.InboundMail, r dsn.Report, settled *postgres.Settlement) error {
	list := r.Judge(w.bulk.Rules)
	if len(list) == 0 {
		settled.Words = "it names nobody whose message failed"
		return nil
	}
	address, err := w.bulk.Store.ContactAddress(ctx, m.Contact)
	if err != nil {
		settled.Words = "the contact is not there any more"
		return ignoring(err, postgres.ErrNotFound)
	}
	j := list[0]
	for _, other := range list {
		if strings.EqualFold(other.Recipient.Address, address) {
			j = other
		}
	}
	settled.Class, settled.Rule = string(j.Meaning.Bounce), j.Meaning.Rule
	words := j.Reply
	words.Phase = reply.PhaseAsync
	words.Lines = oneLine(words.Lines)
	if err := w.bulk.Store.Count(ctx); err != nil { // a quick report may be here before its acceptance is counted
		return err
	}
	was, changed, err := postgres.RecordReport(ctx, tx, postgres.Reported{Campaign: m.Campaign, Contact: m.Contact,
		Host: j.Recipient.RemoteMTA, Reply: words, Meaning: j.Meaning, Address: bounce.Reported(j.Meaning, j.Recipient.Phase), At: m.At})
	switch {
	case err != nil:
		return err
	case was == "":
		settled.Words = "there is no such delivery any more"
	case !changed:
		settled.Words = fmt.Sprintf("the delivery was %s already", was)
	default:
		settled.Words = fmt.Sprintf("%s became bounced: %s (%s)", was, words, j.Source)
	}
	return nil
}

// longestLine bounds the words that are kept of a report.
const longestLine = 2000

// oneLine returns the words of lines as the database takes them.
func oneLine(lines []string) []string {
	text := strings.ToValidUTF8(strings.Join(strings.Fields(strings.Join(lines, " ")), " "), "\uFFFD")
	if len(text) > longestLine {
		text = strings.ToValidUTF8(text[:longestLine], "")
	}
	return []string{text}
}

// complain obeys a complaint.
func (w *inboundWorker) complain(ctx context.Context, tx pgx.Tx, m postgres.InboundMail, r dsn.Report) (string, error) {
	switch {
	case r.Feedback.Technical():
		return "a report about authentication: it says nothing of the person", nil
	case r.Feedback.Clears():
		return "the reader says that it is not spam; soft refusals are forgotten", postgres.ForgetSoft(ctx, tx, m.Contact)
	}
	evidence, err := json.Marshal(map[string]any{"campaign": m.Campaign, "feedback": r.Feedback.Type, "agent": r.Feedback.Agent,
		"from": r.From, "host": m.Remote, "at": m.At, "mail": m.ID})
	if err != nil {
		return "", err
	}
	return "complained (" + r.Feedback.Type + "): suppressed everywhere", postgres.Complain(ctx, tx, m.Contact, evidence, m.At)
}

// leave obeys a wish to be taken off.
func (w *inboundWorker) leave(ctx context.Context, m postgres.InboundMail) (string, error) {
	_, _, err := w.bulk.Store.Unsubscribe(ctx, postgres.Unsubscribe{Campaign: m.Campaign, Contact: m.Contact, By: "mail", At: m.At})
	return "left the lists of the campaign", ignoring(err, pgx.ErrNoRows)
}

func ignoring(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
