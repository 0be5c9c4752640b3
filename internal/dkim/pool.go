package dkim

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// Pool lets no more signatures be made at one time than there are processors.
// A signature is nothing but arithmetic: more at once finish none sooner, and
// keep the goroutines that talk to servers from running.
type Pool struct {
	slots   chan struct{}
	yielded atomic.Bool // one of the slots is lent to other work
}

// NewPool returns a pool as wide as GOMAXPROCS.
func NewPool() *Pool {
	return &Pool{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Yield keeps a processor free of signatures, for other work, until done is
// called: one, however much there is of such work, and never the last.
func (p *Pool) Yield(ctx context.Context) (done func()) {
	if cap(p.slots) == 1 || !p.yielded.CompareAndSwap(false, true) {
		return func() {}
	}
	select {
	case p.slots <- struct{}{}:
		return func() {
			<-p.slots
			p.yielded.Store(false)
		}
	case <-ctx.Done():
		p.yielded.Store(false)
		return func() {}
	}
}

// Sign waits for a free processor and signs as [Sign] does. It gives up when ctx
// ends before its turn has come.
func (p *Pool) Sign(ctx context.Context, dst, message []byte, now time.Time, signers ...*Signer) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return dst, ctx.Err()
	}
	defer func() { <-p.slots }()
	return Sign(dst, message, now, signers...)
}
