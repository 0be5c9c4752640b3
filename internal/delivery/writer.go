package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/bounce"
)

const (
	// groupLimit bounds a commit group: past some hundred rows a larger one
	// commits no faster.
	groupLimit = 500
	// groupPause is how long a group waits at most until it is worth a commit, where
	// lanes wait for the processors: the statements of a commit cost as much for one
	// outcome as for ten, and the lanes of these outcomes would stand in line anyway.
	groupPause = 50 * time.Millisecond
	// writeRetry is the pause between tries while the database is away.
	writeRetry = 500 * time.Millisecond
	// writeTimeout bounds one try, so that a hanging database is noticed.
	writeTimeout = 10 * time.Second
)

// writer commits the outcomes of all lanes of a node in groups. It starts the
// next commit as soon as the previous one has returned: under load groups grow
// by themselves, and a lone outcome waits for nothing.
type writer struct {
	store *postgres.Store
	log   *slog.Logger
	worth func() int // how many outcomes are worth a commit now
	in    chan entry
	over  context.Context // ends when nothing more is written
	end   context.CancelFunc
	done  chan struct{}

	uncounted atomic.Bool // outcomes were recorded that no counter holds yet
}

// errOver says that the writer ended before an outcome was recorded. Its row is
// found in doubt.
var errOver = errors.New("the writer of outcomes has ended")

type entry struct {
	outcome  postgres.Outcome
	recorded chan struct{}
}

func newWriter(store *postgres.Store, log *slog.Logger, worth func() int) *writer {
	w := &writer{store: store, log: log, worth: worth, in: make(chan entry), done: make(chan struct{})}
	w.over, w.end = context.WithCancel(context.Background())
	go w.run()
	return w
}

// record returns when the outcomes are durable. It waits as long as the
// database is away: a lane must not send on before. Only the writer's own end
// makes it give up, with errOver.
func (w *writer) record(outcomes ...postgres.Outcome) error {
	waiting := make([]chan struct{}, 0, len(outcomes))
	for _, o := range outcomes {
		e := entry{outcome: o, recorded: make(chan struct{})}
		select {
		case w.in <- e:
			waiting = append(waiting, e.recorded)
		case <-w.over.Done():
			return errOver
		}
	}
	for _, recorded := range waiting {
		select {
		case <-recorded:
		case <-w.over.Done():
			return errOver
		}
	}
	return nil
}

// close ends the writer. Whoever still waits for it then waits for a database
// that is away, and is told errOver.
func (w *writer) close() {
	w.end()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case first := <-w.in:
			w.commit(w.gather(first))
		case <-w.over.Done():
			return
		}
	}
}

// gather takes what has come in since the last commit, and where that is not worth
// another one, what comes in a moment.
func (w *writer) gather(first entry) []entry {
	group := []entry{first}
	if enough := w.worth(); enough > 1 {
		group = w.await(group, enough)
	}
	for len(group) < groupLimit {
		select {
		case e := <-w.in:
			group = append(group, e)
		default:
			return group
		}
	}
	return group
}

func (w *writer) await(group []entry, enough int) []entry {
	over := time.NewTimer(groupPause)
	defer over.Stop()
	for len(group) < enough {
		select {
		case e := <-w.in:
			group = append(group, e)
		case <-over.C:
			return group
		}
	}
	return group
}

// commit stores a group, however long it takes. A group with a row that the
// database refuses is split until that row stands alone.
func (w *writer) commit(group []entry) {
	err := w.try(group)
	switch {
	case err == nil:
	case errors.Is(err, errOver):
		return
	case len(group) > 1:
		half := len(group) / 2
		w.commit(group[:half])
		w.commit(group[half:])
		return
	default:
		w.commitBare(group[0], err)
	}
	for _, e := range group {
		close(e.recorded)
	}
}

// try stores a group and returns only errors that come from its data, and
// errOver.
func (w *writer) try(group []entry) error {
	outcomes := make([]postgres.Outcome, len(group))
	for i, e := range group {
		outcomes[i] = e.outcome
	}
	for told := false; ; {
		ctx, cancel := context.WithTimeout(w.over, writeTimeout)
		err := w.store.Record(ctx, outcomes)
		cancel()
		if err == nil {
			w.uncounted.Store(true)
		}
		if err == nil || postgres.IsBadRow(err) {
			if told {
				w.log.Info("the database is back; outcomes are recorded", "outcomes", len(outcomes))
			}
			return err
		}
		if !told {
			told = true
			w.log.Warn("outcomes cannot be recorded; their lanes wait", "outcomes", len(outcomes), "error", err)
		}
		select {
		case <-time.After(writeRetry):
		case <-w.over.Done():
			return errOver
		}
	}
}

// commitBare records an outcome without the words that the database refused.
func (w *writer) commitBare(e entry, cause error) {
	bare := e.outcome
	bare.Reply.Lines = []string{fmt.Sprintf("the reply could not be stored: %v", cause)}
	bare.Reply.Enhanced, bare.Host, bare.Address = "", "", bounce.Effect{}
	bare.Meaning.Rule = ""
	e.outcome = bare
	if err := w.try([]entry{e}); err != nil && !errors.Is(err, errOver) {
		w.log.Error("an outcome cannot be recorded", "campaign", bare.Campaign, "contact", bare.Contact,
			"state", bare.To, "error", err)
	}
}
