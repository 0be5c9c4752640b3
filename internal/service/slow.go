package service

import (
	"context"
	"sync"
	"time"
)

const (
	// slowFrom is from which duration on a figure is kept: a quick one is made
	// anew for everybody, so that a small installation never sees an old one.
	slowFrom = 50 * time.Millisecond
	// slowRest is how many times as long as its making a figure is good: looking
	// at it costs the database a twentieth of its time at most.
	slowRest = 20
	// slowWithin ends a count that hangs; a million contacts take seconds, on a busy
	// machine a minute or two.
	slowWithin = 10 * time.Minute
	// slowKept bounds what is remembered of a kind of figures.
	slowKept = 100
	// slowTurn is after which time a figure that is still being made lets the next
	// one begin beside it: those that take a second do not wait for one that takes a
	// minute.
	slowTurn = 5 * time.Second
)

// patienceKey is where a context keeps until when figures are waited for.
type patienceKey struct{}

// WithPatience returns a context under which all figures that take a while are
// waited for until a time, however many there are.
func WithPatience(ctx context.Context, until time.Time) context.Context {
	return context.WithValue(ctx, patienceKey{}, until)
}

// patience returns how long a figure is waited for: wait, where the context does
// not say until when.
func patience(ctx context.Context, wait time.Duration) time.Duration {
	if until, ok := ctx.Value(patienceKey{}).(time.Time); ok {
		return max(time.Until(until), 0)
	}
	return wait
}

// Aged is a figure that takes a while, with its age.
type Aged[V any] struct {
	Value   V
	At      time.Time // when it was made
	Known   bool      // false while it is made for the first time
	Running bool      // a newer one is on its way
}

// lifetime ends with its service, and with it what runs in the background. The
// zero value never does.
type lifetime struct {
	ctx context.Context
	// turns holds an element while a figure is made that is not known to be quick:
	// one at a time, so that pages find a processor of the database free. Without
	// it, as many as are asked for.
	turns chan struct{}
}

// newLifetime returns a lifetime that ends with ctx.
func newLifetime(ctx context.Context) lifetime {
	return lifetime{ctx: ctx, turns: make(chan struct{}, 1)}
}

// turn waits until a figure may be made. Its maker calls done when it is there.
func (l lifetime) turn(ctx context.Context) (done func(), err error) {
	if l.turns == nil {
		return func() {}, nil
	}
	select {
	case l.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	give := sync.OnceFunc(func() { <-l.turns })
	late := time.AfterFunc(slowTurn, give)
	return func() { late.Stop(); give() }, nil
}

func (l lifetime) context() context.Context {
	if l.ctx == nil {
		return context.Background()
	}
	return l.ctx
}

// slow remembers figures that take a while, and makes each once at a time. The
// zero value is ready. It is safe for concurrent use.
type slow[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]*slowEntry[V] // guarded by mu
}

type slowEntry[V any] struct {
	last    Aged[V]
	took    time.Duration
	err     error         // of the last try
	running chan struct{} // closed at the end of the making under way; nil without
}

// take returns a figure that is at most fresh old, or as old as slowRest says.
// Where it must be made, take waits for at most wait, or as [WithPatience] says;
// then it returns what was known before, while the newer one is on its way. Where
// the last one took longer than that, it does so at once.
func (s *slow[K, V]) take(ctx context.Context, life lifetime, key K, fresh, wait time.Duration, read func(context.Context) (V, error)) (Aged[V], error) {
	if running, takes := s.begin(life, key, fresh, read); running != nil {
		wait = patience(ctx, wait)
		if takes > wait {
			return s.look(key)
		}
		over := time.NewTimer(wait)
		defer over.Stop()
		select {
		case <-running:
		case <-over.C:
		case <-ctx.Done():
			return Aged[V]{}, ctx.Err()
		}
	}
	return s.look(key)
}

// begin has a figure made unless a fresh one is known or it is under way. It
// returns a channel that is closed when it is there, nil when it is, and how long
// the making of the last one took, zero without one.
func (s *slow[K, V]) begin(life lifetime, key K, fresh time.Duration, read func(context.Context) (V, error)) (<-chan struct{}, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil || len(s.entries) > slowKept {
		s.entries = make(map[K]*slowEntry[V])
	}
	e := s.entries[key]
	if e == nil {
		e = &slowEntry[V]{}
		s.entries[key] = e
	}
	if e.took > slowFrom {
		fresh = max(fresh, slowRest*e.took)
	}
	if e.running == nil && (!e.last.Known || e.err != nil || time.Since(e.last.At) > fresh) {
		e.running = make(chan struct{})
		quick := e.last.Known && e.took <= slowFrom
		go s.make(life, e, quick, read)
	}
	return e.running, e.took
}

// make makes a figure: at once when it is known to be quick, else in its turn.
func (s *slow[K, V]) make(life lifetime, e *slowEntry[V], quick bool, read func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(life.context(), slowWithin)
	defer cancel()
	var (
		value V
		at    time.Time
		took  time.Duration
		err   error
		done  = func() {}
	)
	if !quick {
		done, err = life.turn(ctx)
	}
	if err == nil {
		at = now()
		value, err = read(ctx)
		took = time.Since(at)
		done()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.err = err; err == nil {
		e.last = Aged[V]{Value: value, At: at, Known: true}
		e.took = took
	}
	close(e.running)
	e.running = nil
}

func (s *slow[K, V]) look(key K) (Aged[V], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		return Aged[V]{Running: true}, nil // forgotten in between
	}
	found := e.last
	found.Running = e.running != nil
	return found, e.err
}

// forget drops what is known under a key, which somebody has just changed.
func (s *slow[K, V]) forget(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, key)
}
