package service

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// paceStates keeps what the stored paces say. Of thousands of providers few have
// learned something since the last look: only those are read again. The zero value
// is ready.
type paceStates struct {
	mu    sync.Mutex
	known map[postgres.PaceKey]paceState // guarded by mu; their states are never changed
}

type paceState struct {
	version int64
	state   *pacing.State
}

// all returns the newest state of every pace that is named.
func (p *paceStates) all(ctx context.Context, store *postgres.Store, heads []postgres.PaceHead) (map[postgres.PaceKey]*pacing.State, error) {
	p.mu.Lock()
	found, changed := make(map[postgres.PaceKey]*pacing.State, len(heads)), []postgres.PaceKey{}
	for _, h := range heads {
		if known, ok := p.known[h.PaceKey]; ok && known.version == h.Version {
			found[h.PaceKey] = known.state
		} else {
			changed = append(changed, h.PaceKey)
		}
	}
	p.mu.Unlock()
	if len(changed) == 0 {
		return found, nil
	}
	fresh, err := store.PaceStates(ctx, changed)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[postgres.PaceKey]paceState, len(fresh))
	}
	for _, f := range fresh {
		state := &pacing.State{}
		if err := json.Unmarshal(f.State, state); err != nil {
			return nil, fmt.Errorf("stored pace of provider %d: %w", f.Provider, err)
		}
		found[f.PaceKey] = state
		p.known[f.PaceKey] = paceState{f.Version, state}
	}
	return found, nil
}
