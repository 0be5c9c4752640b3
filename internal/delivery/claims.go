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
// may have leased deliveries that no lane knows of; since this node lives, no
// other would ever give them back.
type claims struct {
	store  *postgres.Store
	node   int64
	unsure atomic.Bool // a claim may have been lost

	claiming sync.RWMutex // held for reading while a claim is made
	mu       sync.Mutex
	held     map[int64]bool // guarded by mu; epochs of the claims in hand; true where lengthening one failed
}

func newClaims(store *postgres.Store, node int64) *claims {
	return &claims{store: store, node: node, held: make(map[int64]bool)}
}

// claim leases deliveries, and reports whether it found as many as it was to.
// Whoever gets some must say when they are recorded or given back.
func (c *claims) claim(ctx context.Context, r postgres.ClaimRequest) (claimed []postgres.Claimed, full bool, err error) {
	c.claiming.RLock()
	defer c.claiming.RUnlock()
	claimed, suppressed, err := c.store.Claim(ctx, r)
	if err != nil {
		if r.Epoch != 0 { // what it may have leased looks like a claim in hand until that is ended
			c.mu.Lock()
			defer c.mu.Unlock()
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

// ended forgets a claim.
func (c *claims) ended(epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[epoch] {
		c.unsure.Store(true)
	}
	delete(c.held, epoch)
}

// freeLost gives back what lost claims may have leased: nothing of it was sent.
func (c *claims) freeLost(ctx context.Context) error {
	if !c.unsure.Swap(false) {
		return nil
	}
	c.claiming.Lock()
	defer c.claiming.Unlock()
	c.mu.Lock()
	held := slices.Collect(maps.Keys(c.held))
	c.mu.Unlock()
	if err := c.store.FreeLeases(ctx, c.node, held); err != nil {
		c.unsure.Store(true)
		return err
	}
	return nil
}
