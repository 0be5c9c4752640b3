package auth

import (
	"sync"
	"time"
)

const (
	// freeTries may fail before waits begin: people mistype.
	freeTries = 5
	// waitFirst doubles with each further failure, up to waitMost.
	waitFirst = 2 * time.Second
	waitMost  = 15 * time.Minute
	// forgetAfter without a failure, everything is forgiven.
	forgetAfter = time.Hour
	// mostKeys bounds what is remembered.
	mostKeys = 10_000
)

// Throttle counts failed logins by key (an account, an address) and says how
// long the next must wait. The zero value is ready; it may be used by many
// goroutines.
type Throttle struct {
	mu    sync.Mutex
	tries map[string]tries // guarded by mu
}

type tries struct {
	failed int
	last   time.Time
}

// Wait returns how long until the next try is allowed for all of these keys, 0
// for now.
func (t *Throttle) Wait(now time.Time, keys ...string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := time.Duration(0)
	for _, key := range keys {
		seen, ok := t.tries[key]
		if !ok || now.Sub(seen.last) >= forgetAfter || seen.failed < freeTries {
			continue
		}
		penalty := waitMost
		if doublings := seen.failed - freeTries; doublings < 12 { // 2 s × 2¹² is past the most
			penalty = min(waitFirst<<doublings, waitMost)
		}
		wait = max(wait, seen.last.Add(penalty).Sub(now))
	}
	return max(wait, 0)
}

// Failed counts a failed try for each key.
func (t *Throttle) Failed(now time.Time, keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tries == nil {
		t.tries = make(map[string]tries)
	}
	for _, key := range keys {
		seen := t.tries[key]
		if now.Sub(seen.last) >= forgetAfter {
			seen.failed = 0
		}
		t.tries[key] = tries{failed: seen.failed + 1, last: now}
	}
	if len(t.tries) > mostKeys {
		t.shrink(now)
	}
}

// Passed forgives a key whose owner proved to be who they say.
func (t *Throttle) Passed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, key)
}

// shrink drops what is old, and then whatever, down to half: a flood of made-up
// names must fill neither the memory nor the time. t.mu is held.
func (t *Throttle) shrink(now time.Time) {
	for key, seen := range t.tries {
		if now.Sub(seen.last) >= forgetAfter || seen.failed < freeTries {
			delete(t.tries, key)
		}
	}
	for key := range t.tries {
		if len(t.tries) <= mostKeys/2 {
			return
		}
		delete(t.tries, key)
	}
}
