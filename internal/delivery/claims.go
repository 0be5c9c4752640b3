package delivery

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/headwaymail/headway/internal/postgres"
)

// claims knows which claims the lanes of this node have in hand. A claim whose
// commit was not acknowledged, because the database went away in that moment,
// may hold deliveries that no lane knows of; since this node lives, no
// other would ever give them back.
type claims struct {
	store  *postgres.Store
	node   int64
	unsure atomic.Bool // a claim may have been lost

	claiming sync.RWMutex // held for reading while a claim is made
	mu       sync.Mutex
	held     map[int64]bool // guarded by mu; epochs of the claims in hand; true where lengthening one failed
	done     []int64        // guarded by mu; claims of which all is recorded, to end with the next one
}

func newClaims(store *postgres.Store, node int64) *claims {
	return &claims{store: store, node: node, held: make(map[int64]bool)}
}

// claim takes deliveries, and reports whether it found as many as it was to.
// Whoever gets some must say when they are recorded or given back.
func (c *claims) claim(ctx context.Context, r postgres.ClaimRequest) (claimed []postgres.Claimed, full bool, err error) {
	c.claiming.RLock()
	defer c.claiming.RUnlock()
	c.mu.Lock()
	done := c.done
	c.done = nil
	c.mu.Unlock()
	claimed, suppressed, err := c.store.Claim(ctx, r, done...)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.done = append(c.done, done...)
		if r.Epoch != 0 { // what it may have taken looks like a claim in hand until that is ended
			c.held[r.Epoch] = true
			return nil, false, err
		}
		c.unsure.Store(true)
		return nil, false, err
	}
	if len(claimed) > 0 && r.Epoch == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held[claimed[0].Epoch] = false
	}
	return claimed, len(claimed)+suppressed == r.Limit, nil
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
