package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// launchFirst is the number of contacts that are judged in the first
	// transaction, so that mail begins at once; launchSecond in the next, which with
	// it meets most domains of any audience.
	launchFirst, launchSecond = 500, 4000
	// launchLook is how long the rest may wait for a look at domains of which nobody
	// knows who takes their mail. A delivery that is entered before costs twice as
	// much: it has to be moved when that is known.
	launchLook = 2 * time.Second
	// Later ones are larger: each raises the counters of every domain that it meets,
	// which are thousands where the audience is large.
	launchLeast, launchMost = 12_500, 50_000
	// launchBeat is the longest that a transaction should take: what a crash takes of
	// it is done anew.
	launchBeat = 2 * time.Second
	// launchLanes is how many ranges are judged and entered at one time. Each has a
	// process of Postgres to itself, which competes with those that send.
	launchLanes = 2
)

// nextBatch returns the number of contacts of the next transaction, after one
// that took some time.
func nextBatch(size int, took time.Duration) int {
	switch {
	case took < launchBeat/4:
		return min(4*size, launchMost)
	case took > launchBeat:
		return min(size, max(size/2, launchLeast))
	}
	return size
}

// fill enters all recipients into the ledger, unless the campaign is ended before.
func (w *launchWorker) fill(ctx context.Context, id int64) error {
	if w.bulk.Yield != nil {
		defer w.bulk.Yield(ctx)()
	}
	store := w.bulk.Store
	// The first ranges alone: with the very first, what segments ask is frozen.
	for _, size := range []int{launchFirst, launchSecond} {
		if done, err := store.LaunchBatch(ctx, id, size, time.Now()); done || err != nil {
			return err
		}
		if err := store.Notify(ctx, fmt.Sprintf("campaign %d", id)); err != nil {
			return err
		}
	}
	if err := w.awaitLook(ctx); err != nil {
		return err
	}
	launch, err := store.Launching(ctx, id)
	if err != nil || launch.Done {
		return err
	}
	f := &filling{store: store, launch: launch, size: launchSecond}
	if err := f.run(ctx); !errors.Is(err, postgres.ErrLaunchMoved) {
		return err
	}
	if launch, err = store.Launching(ctx, id); err == nil && !launch.Done {
		err = fmt.Errorf("launch campaign %d: %w", id, postgres.ErrLaunchMoved) // it may have to be taken over: tried again
	}
	return err
}

// awaitLook waits until the providers of all domains that mail waits for are known, or
// for as long as a launch may wait for that.
func (w *launchWorker) awaitLook(ctx context.Context) error {
	ticker := time.NewTicker(launchLook / 80)
	defer ticker.Stop()
	for end := time.Now().Add(launchLook); time.Now().Before(end); {
		if unknown, err := w.bulk.Store.AnyUnknownDomain(ctx, time.Now()); err != nil || !unknown {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// filling enters ranges of contacts into a ledger, several at a time.
type filling struct {
	store  *postgres.Store
	launch postgres.Launching

	mu   sync.Mutex
	size int // guarded by mu; of the next range
}

// run enters all contacts behind the cursor, and ends the launch.
func (f *filling) run(ctx context.Context) error {
	lanes, running := errgroup.WithContext(ctx)
	lanes.SetLimit(launchLanes)
	before := make(chan struct{})
	close(before)
	end := f.launch.Cursor
	for {
		after, size := end, f.next()
		edge, more, err := f.store.LaunchEdge(running, after, size)
		if err != nil || !more {
			if failed := lanes.Wait(); failed != nil || err != nil {
				return cmp.Or(failed, err)
			}
			return f.store.EndLaunch(ctx, f.launch, end, time.Now())
		}
		turn, entered := before, make(chan struct{})
		lanes.Go(func() error {
			if err := f.enter(running, after, edge, size, turn); err != nil {
				return err
			}
			close(entered)
			return nil
		})
		before, end = entered, edge
	}
}

// enter enters a range of a size, as soon as the one before it is entered.
func (f *filling) enter(ctx context.Context, after, upto int64, size int, before <-chan struct{}) error {
	began, waited := time.Now(), time.Duration(0)
	turn := func() error {
		since := time.Now()
		defer func() { waited += time.Since(since) }()
		select {
		case <-before:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := f.store.Enter(ctx, f.launch, after, upto, began, turn); err != nil {
		return err
	}
	f.took(size, time.Since(began)-waited)
	return f.store.Notify(ctx, fmt.Sprintf("campaign %d", f.launch.Campaign))
}

func (f *filling) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size
}

// took notes how long a range of a size took. What one of another size says, which
// was under way when the size changed, is old.
func (f *filling) took(size int, span time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size == f.size {
		f.size = nextBatch(size, span)
	}
}
