//go:build unix

package embedded

import (
	"context"
	"fmt"
	"time"
)

// StopUnused watches the server of a data folder for those whose users may
// all be killed, and so never stop it. It returns when the server has stopped:
// by its last user, or by StopUnused once nobody has used it for the given
// time. One watcher is enough: while another one watches the folder it returns
// at once.
func StopUnused(ctx context.Context, dataDir string, idle time.Duration) error {
	h, err := openHome(dataDir)
	if err != nil {
		return err
	}
	watch, err := openLock(h.watchLock())
	if err != nil {
		return explainDataDir(h.dir, err)
	}
	defer watch.release()
	if first, err := watch.tryExclusive(); err != nil || !first {
		return err
	}
	tick := time.NewTicker(min(time.Second, max(idle/4, pollInterval)))
	defer tick.Stop()
	for used := time.Now(); ; {
		state, err := h.stopIfUnused(ctx, watch, time.Since(used) >= idle)
		if err != nil || state == stateStopped {
			return err
		}
		if state == stateUsed {
			used = time.Now()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// usage is what a watcher found.
type usage int

const (
	stateUsed usage = iota // somebody uses, starts or stops the server
	stateIdle
	stateStopped
)

// stopIfUnused looks once, and stops an unused server if it is overdue. When
// it returns stateStopped it has released watch, before anybody could start
// the server again: that start's own watcher finds the place free.
func (h *home) stopIfUnused(ctx context.Context, watch *fileLock, overdue bool) (usage, error) {
	transition, err := openLock(h.transitionLock())
	if err != nil {
		return stateStopped, explainDataDir(h.dir, err)
	}
	defer transition.release()
	if free, err := transition.tryExclusive(); err != nil || !free {
		return stateUsed, err
	}
	pm, err := h.readPostmaster()
	if err != nil {
		return stateStopped, err
	}
	if pm == nil || !pm.running() {
		watch.release()
		return stateStopped, nil
	}
	users, err := h.openUsers()
	if err != nil {
		return stateStopped, err
	}
	defer users.release()
	unused, err := users.tryExclusive()
	switch {
	case err != nil:
		return stateStopped, err
	case !unused:
		return stateUsed, nil
	case !overdue:
		return stateIdle, nil
	}
	if err := h.shutDown(ctx); err != nil {
		return stateStopped, fmt.Errorf("stop unused postgres: %w", err)
	}
	watch.release()
	return stateStopped, nil
}
