package delivery

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// No connection carries more messages than its server says that it takes
// (RFC 9422 §4.1).
func TestConnectionsKeepTheServersLimit(t *testing.T) {
	t.Parallel()
	var limits limiting
	r := receiveOver(t, nil, limits.over)
	const contacts = 20
	g := start(t, r, rigConfig{contacts: contacts, start: 100, lanes: 1})
	until(t, 30*time.Second, "all delivered", func() bool {
		c, err := g.store.Campaign(t.Context(), g.campaign)
		return err == nil && c.Counters.Delivered == contacts
	})
	carried := limits.carried()
	if most := slices.Max(carried); most != 3 {
		t.Errorf("the connections carried %v messages, where the server takes 3", carried)
	}
	g.balanced()
}

// limiting puts the limit of three transactions into what servers say of
// themselves, and counts those that begin.
type limiting struct {
	net.Listener
	mu    sync.Mutex
	conns []*limitedConn // guarded by mu
}

func (l *limiting) over(inner net.Listener) net.Listener {
	l.Listener = inner
	return l
}

func (l *limiting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &limitedConn{Conn: conn, of: l}
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *limiting) carried() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make([]int, len(l.conns))
	for i, c := range l.conns {
		counts[i] = c.mails
	}
	return counts
}

type limitedConn struct {
	net.Conn
	of    *limiting
	mails int // guarded by of.mu
}

func (c *limitedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.mails += bytes.Count(p[:n], []byte("MAIL FROM:"))
	return n, err
}

func (c *limitedConn) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(bytes.Replace(p, []byte("250-PIPELINING"), []byte("250-LIMITS MAILMAX=3\r\n250-PIPELINING"), 1))
	return len(p), err
}
