package delivery

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// clerks is how many statements take deliveries at one time: lanes of one provider
	// cannot share one.
	clerks = 2
	// claimPause is how long a claim waits at most for others to be made with it, where
	// lanes of several providers stand in line (docs/decisions/claims-together.md).
	claimPause = 150 * time.Millisecond
)

// claims takes deliveries for the lanes of a node, for several at one time where many
// ask, and knows which claims they have in hand. A claim whose commit was not
// acknowledged, because the database went away in that moment, may hold deliveries
// that no lane knows of; since this node lives, no other would ever give them back.
type claims struct {
	store  *postgres.Store
	node   int64
	worth  func() int // how many claims are worth a statement now
	in     chan *asking
	over   context.Context // ends when nothing more is claimed
	wait   sync.WaitGroup
	unsure atomic.Bool // a claim may have been lost

	gathering sync.Mutex
	left      *asking // guarded by gathering; could not be made with those before

	claiming sync.RWMutex // held for reading while claims are made
	mu       sync.Mutex
	held     map[int64]bool // guarded by mu; epochs of the claims in hand; true where lengthening one failed
	done     []int64        // guarded by mu; claims of which all is recorded, to end with the next one
}

// asking is a lane that waits for its claim.
type asking struct {
	request  postgres.ClaimRequest
	answered chan struct{} // closed when the rest is there
	ready    bool          // guarded by claims.mu; the rest is there
	gone     bool          // guarded by claims.mu; the lane waits no more
	taken    postgres.Taken
	err      error
}

// newClaims begins to take deliveries until over ends; then wait.
func newClaims(over context.Context, store *postgres.Store, node int64, worth func() int) *claims {
	c := &claims{store: store, node: node, worth: worth, in: make(chan *asking), over: over, held: make(map[int64]bool)}
	for range clerks {
		c.wait.Go(func() {
			for group := c.gather(); len(group) > 0; group = c.gather() {
				c.take(over, group)
			}
		})
	}
	return c
}

// claim takes deliveries, and reports whether it found as many as it was to.
// Whoever gets some must say when they are recorded or given back.
func (c *claims) claim(ctx context.Context, r postgres.ClaimRequest) (claimed []postgres.Claimed, full bool, err error) {
	a := &asking{request: r, answered: make(chan struct{})}
	select {
	case c.in <- a:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case <-c.over.Done():
		return nil, false, c.over.Err()
	}
	select {
	case <-a.answered:
	case <-ctx.Done():
		c.mu.Lock()
		a.gone = !a.ready
		if a.gone && r.Epoch != 0 { // what it may yet take looks like a claim in hand until that is ended
			c.held[r.Epoch] = true
		}
		c.mu.Unlock()
		if a.gone {
			return nil, false, ctx.Err()
		}
	}
	return a.taken.Deliveries, len(a.taken.Deliveries)+a.taken.Suppressed == r.Limit, a.err
}

// gather waits for a lane that asks, and returns it with others for which deliveries
// can be taken at the same time; nobody when there will be no more.
func (c *claims) gather() []*asking {
	c.gathering.Lock()
	defer c.gathering.Unlock()
	first := c.left
	c.left = nil
	if first == nil {
		select {
		case first = <-c.in:
		case <-c.over.Done():
			return nil
		}
	}
	group := []*asking{first}
	enough := c.worth()
	pause := time.NewTimer(claimPause)
	defer pause.Stop()
	for len(group) < enough {
		select {
		case a := <-c.in:
			if !fits(group, a) {
				c.left = a
				return group
			}
			group = append(group, a)
		case <-pause.C:
			return group
		case <-c.over.Done():
			return group
		}
	}
	return group
}

// fits reports whether deliveries may be taken for a lane in the same statement as
// for a group.
func fits(group []*asking, a *asking) bool {
	return a.request.Ledger == group[0].request.Ledger && !slices.ContainsFunc(group, func(b *asking) bool {
		return a.request.Campaign == b.request.Campaign && a.request.Provider == b.request.Provider
	})
}

// take makes the claims of a group.
func (c *claims) take(ctx context.Context, group []*asking) {
	defer func() {
		for _, a := range group {
			close(a.answered)
		}
	}()
	c.claiming.RLock()
	defer c.claiming.RUnlock()
	c.mu.Lock()
	done := c.done
	c.done = nil
	c.mu.Unlock()
	requests := make([]postgres.ClaimRequest, len(group))
	for i, a := range group {
		requests[i] = a.request
	}
	taken, err := c.store.Claim(ctx, requests, done...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.done = append(c.done, done...)
	}
	for i, a := range group {
		a.ready = true
		switch {
		case a.gone: // what was taken for it belongs to nobody
			c.unsure.Store(true)
		case err != nil && a.request.Epoch != 0: // what it may have taken looks like a claim in hand until that is ended
			c.held[a.request.Epoch] = true
			a.err = err
		case err != nil:
			c.unsure.Store(true)
			a.err = err
		default:
			if a.taken = taken[i]; len(a.taken.Deliveries) > 0 && a.request.Epoch == 0 {
				c.held[a.taken.Deliveries[0].Epoch] = false
			}
		}
	}
}

// ended forgets a claim. What is unsent of it, if anything, waits again when this
// returns; while the database is away, as soon as it is back.
func (c *claims) ended(epoch int64, unsent bool) {
	c.mu.Lock()
	unsent = unsent || c.held[epoch]
	delete(c.held, epoch)
	if !unsent {
		c.done = append(c.done, epoch)
	}
	c.mu.Unlock()
	if !unsent {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if c.store.Release(ctx, epoch) != nil {
		c.unsure.Store(true)
	}
}

// tidy ends claims of which all is recorded, and gives back what lost ones may hold:
// nothing of it was sent.
func (c *claims) tidy(ctx context.Context) error {
	c.mu.Lock()
	done := c.done
	c.done = nil
	c.mu.Unlock()
	if len(done) > 0 {
		if err := c.store.EndClaims(ctx, done...); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.done = append(c.done, done...)
			return err
		}
	}
	if !c.unsure.Swap(false) {
		return nil
	}
	c.claiming.Lock()
	defer c.claiming.Unlock()
	c.mu.Lock()
	held := slices.Collect(maps.Keys(c.held))
	c.mu.Unlock()
	if err := c.store.ReleaseOthers(ctx, c.node, held); err != nil {
		c.unsure.Store(true)
		return err
	}
	return nil
}
