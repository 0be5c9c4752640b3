package api

import (
	"sync"
	"time"
)

const (
	// failuresAtOnce is how many wrong tokens one address may try in a row:
	// enough for a typing mistake in a script, not for a search.
	failuresAtOnce = 10
	// failureEvery is after what time one more is allowed.
	failureEvery = 6 * time.Second
	// failuresKept bounds the addresses kept in mind.
	failuresKept = 10_000
)

// throttle counts failed authentications by address: a bucket of
// failuresAtOnce that fills by one each failureEvery.
type throttle struct {
	mu    sync.Mutex
	empty map[string]time.Time // guarded by mu; when the bucket of an address is full again
}

func newThrottle() *throttle { return &throttle{empty: make(map[string]time.Time)} }

// failed notes a failure and returns how long the address must wait; 0 when it
// need not.
func (t *throttle) failed(address string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := t.empty[address]
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - (failuresAtOnce-1)*failureEvery; wait > 0 {
		return wait
	}
	if len(t.empty) >= failuresKept {
		t.forget(now)
	}
	t.empty[address] = full.Add(failureEvery)
	return 0
}

// forget drops addresses whose bucket is full again, or all when an attacker
// has so many that none is; t.mu is held.
func (t *throttle) forget(now time.Time) {
	for address, full := range t.empty {
		if full.Before(now) {
			delete(t.empty, address)
		}
	}
	if len(t.empty) >= failuresKept {
		clear(t.empty)
	}
}
