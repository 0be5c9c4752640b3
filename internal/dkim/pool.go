package dkim

import (
	"context"
	"runtime"
	"time"
)

// Pool lets no more signatures be made at one time than there are processors.
// A signature is nothing but arithmetic: more at once finish none sooner, and
// keep the goroutines that talk to servers from running.
type Pool struct {
	slots chan struct{}
}

// NewPool returns a pool as wide as GOMAXPROCS.
func NewPool() *Pool {
	return &Pool{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
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
