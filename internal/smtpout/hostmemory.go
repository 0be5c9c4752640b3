package smtpout

import (
	"maps"
	"sync"
	"time"
)

// How long a failure is remembered: long enough that the next lanes go
// elsewhere first, short enough that a restart is noticed soon.
const (
	firstShun   = time.Minute
	longestShun = 30 * time.Minute
	mostShuns   = 10_000 // about 1 MB
)

// HostMemory remembers hosts and addresses that failed lately. They are tried
// last, never left out: whether a provider is to be left alone is pacing's
// decision. It also remembers where STARTTLS broke. Its zero value is ready; it
// may be shared by dialers, at the price that a host busy for one source is
// tried last by all.
type HostMemory struct {
	mu    sync.Mutex
	shuns map[string]shun // guarded by mu; key: host name, address, or what is broken there
}

type shun struct {
	until time.Time
	last  time.Duration
}

// shunned says whether the host or address failed lately.
func (m *HostMemory) shunned(key string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now.Before(m.shuns[key].until)
}

// failed notes a failure; each further one doubles the time it is remembered,
// unless an earlier one was not yet forgotten.
func (m *HostMemory) failed(key string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.shuns[key]
	if now.Before(was.until) {
		return
	}
	if m.shuns == nil {
		m.shuns = make(map[string]shun)
	}
	next := firstShun
	if was.last > 0 && now.Sub(was.until) < longestShun {
		next = min(2*was.last, longestShun)
	}
	m.shuns[key] = shun{now.Add(next), next}
	if len(m.shuns) > mostShuns {
		m.sweep(now)
	}
}

// sweep forgets what has expired, and more at random where that is not enough.
func (m *HostMemory) sweep(now time.Time) {
	maps.DeleteFunc(m.shuns, func(_ string, s shun) bool { return now.After(s.until) })
	for key := range m.shuns {
		if len(m.shuns) <= mostShuns*3/4 {
			return
		}
		delete(m.shuns, key)
	}
}

// worked forgets all failures.
func (m *HostMemory) worked(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shuns, key)
}
