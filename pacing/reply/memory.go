package reply

import "sync"

// memory keeps what replies meant. Once addresses, hosts and numbers of servers
// are folded out, few of the many refusals of a campaign differ.
type memory struct {
	mu    sync.RWMutex
	known map[string]Meaning // guarded by mu
}

const (
	// mostRemembered bounds the replies that are kept, at about half a kilobyte
	// each. When there are more, all are forgotten: those that are met often
	// come back at once.
	mostRemembered = 4096
	// longestRemembered is the longest text that is kept. Longer ones are seldom
	// met twice.
	longestRemembered = 1 << 10
)

// key appends to a buffer that begins with the text of a query what its meaning
// depends on beside it: the code and the enhanced code stand in the text. It
// returns nil for a text that is not kept.
func (q *query) key(provider string) []byte {
	if len(q.text) > longestRemembered {
		return nil
	}
	key := append(append(q.text, 0), provider...)
	key = append(append(key, 0), q.phase...)
	if q.final {
		key = append(key, 0)
	}
	return key
}

func (m *memory) recall(key []byte) (Meaning, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	meaning, ok := m.known[string(key)]
	return meaning, ok
}

func (m *memory) keep(key []byte, meaning Meaning) {
	if key == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= mostRemembered {
		m.known = make(map[string]Meaning)
	}
	m.known[string(key)] = meaning
}
