package dnsclient

import (
	"context"
	"sync"
)

// flights lets callers who ask the same at the same time share one query. A
// query lives as long as somebody waits for it: one caller's cancellation does
// not spoil it for the others, and the last one's ends it.
type flights struct {
	mu   sync.Mutex
	open map[key]*flight // guarded by mu
}

type flight struct {
	waiting int // guarded by flights.mu
	cancel  context.CancelFunc
	done    chan struct{}
	outcome outcome // readable once done is closed
}

func (f *flights) do(ctx context.Context, k key, query func(context.Context) outcome) (outcome, error) {
	if err := ctx.Err(); err != nil {
		return outcome{}, err
	}
	f.mu.Lock()
	fl := f.open[k]
	if fl == nil {
		fl = f.start(ctx, k, query)
	}
	fl.waiting++
	f.mu.Unlock()

	select {
	case <-fl.done:
		return fl.outcome, nil
	case <-ctx.Done():
		f.leave(k, fl)
		return outcome{}, ctx.Err()
	}
}

// start begins a query; f.mu is held.
func (f *flights) start(ctx context.Context, k key, query func(context.Context) outcome) *flight {
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	fl := &flight{cancel: cancel, done: make(chan struct{})}
	if f.open == nil {
		f.open = make(map[key]*flight)
	}
	f.open[k] = fl
	go func() {
		defer cancel()
		fl.outcome = query(shared)
		f.mu.Lock()
		if f.open[k] == fl {
			delete(f.open, k)
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	return fl
}

// leave takes one waiter off. Nobody joins a query that is being cancelled.
func (f *flights) leave(k key, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.waiting--
	if fl.waiting == 0 {
		fl.cancel()
		if f.open[k] == fl {
			delete(f.open, k)
		}
	}
}
