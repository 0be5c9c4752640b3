package dnsclient

import (
	"container/list"
	"sync"
	"time"
)

// key names one question.
type key struct {
	name  string // in wire form
	qtype uint16
}

// cache keeps outcomes until they expire or, when full, until they are the
// least recently used.
type cache struct {
	mu      sync.Mutex
	size    int
	entries map[key]*list.Element // guarded by mu; values are *entry
	recent  *list.List            // guarded by mu; front is the most recently used
}

type entry struct {
	key     key
	outcome outcome
}

func newCache(size int) *cache {
	return &cache{size: size, entries: make(map[key]*list.Element), recent: list.New()}
}

func (c *cache) get(k key, now time.Time) (outcome, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[k]
	if !ok {
		return outcome{}, false
	}
	e := el.Value.(*entry)
	if !now.Before(e.outcome.expires) {
		c.recent.Remove(el)
		delete(c.entries, k)
		return outcome{}, false
	}
	c.recent.MoveToFront(el)
	return e.outcome, true
}

func (c *cache) put(k key, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[k]; ok {
		el.Value.(*entry).outcome = o
		c.recent.MoveToFront(el)
		return
	}
	c.entries[k] = c.recent.PushFront(&entry{k, o})
	if len(c.entries) > c.size {
		oldest := c.recent.Back()
		c.recent.Remove(oldest)
		delete(c.entries, oldest.Value.(*entry).key)
	}
}
