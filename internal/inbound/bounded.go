package inbound

import (
	"net"
	"sync"
	"time"
)

// senders counts what clients take.
type senders struct {
	mu    sync.Mutex
	open  int            // guarded by mu
	from  map[string]int // connections by address; guarded by mu
	mails map[string]int // mails by address in this minute; guarded by mu
	since time.Time      // when the minute began; guarded by mu
}

// enter counts a connection. It reports whether there is room for it.
func (s *senders) enter(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= mostConnections || s.from[address] >= mostConnectionsFrom {
		return false
	}
	if s.from == nil {
		s.from = make(map[string]int)
	}
	s.open++
	s.from[address]++
	return true
}

func (s *senders) leave(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.from[address]--; s.from[address] <= 0 {
		delete(s.from, address)
	}
}

// mayMail counts a mail. It reports whether the address may send it now.
func (s *senders) mayMail(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mails == nil || now.Sub(s.since) >= time.Minute {
		s.mails, s.since = make(map[string]int), now
	}
	s.mails[address]++
	return s.mails[address] <= mostMailsFrom
}

// bounded is a listener that lets only so many in, for so long.
type bounded struct {
	net.Listener
	senders *senders
}

// Accept returns the next connection that there is room for. Others are told to
// come back, and closed.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address, _, err := net.SplitHostPort(conn.RemoteAddr().String())
		if err != nil {
			address = conn.RemoteAddr().String()
		}
		if !b.senders.enter(address) {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // whether it hears the reason or not
			_, _ = conn.Write([]byte("421 4.7.0 too many connections, try again later\r\n"))
			_ = conn.Close()
			continue
		}
		return &guest{Conn: conn, until: time.Now().Add(sessionWithin), leave: sync.OnceFunc(func() { b.senders.leave(address) })}, nil
	}
}

// guest is a connection that ends after sessionWithin, however slowly it goes.
type guest struct {
	net.Conn
	until time.Time
	leave func()
}

func (g *guest) clip(t time.Time) time.Time {
	if t.IsZero() || t.After(g.until) {
		return g.until
	}
	return t
}

func (g *guest) SetDeadline(t time.Time) error      { return g.Conn.SetDeadline(g.clip(t)) }
func (g *guest) SetReadDeadline(t time.Time) error  { return g.Conn.SetReadDeadline(g.clip(t)) }
func (g *guest) SetWriteDeadline(t time.Time) error { return g.Conn.SetWriteDeadline(g.clip(t)) }

func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
