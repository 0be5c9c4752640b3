package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/headwaymail/headway/internal/smtpout"
)

const (
	// parkFor is how long a connection waits for the next lane of its
	// provider. Servers close idle ones after minutes; ours should not hold a
	// place that long.
	parkFor = 30 * time.Second
	// quitWithin bounds the polite end of a connection.
	quitWithin = 3 * time.Second
	// openWithin is how long a lane waits until the pace allows another opening.
	openWithin = 5 * time.Second
)

// Dialer opens sessions with the mail hosts of a domain; *smtpout.Dialer is one.
type Dialer interface {
	Dial(ctx context.Context, domain string, least smtpout.TLSMode, avoid ...string) (*smtpout.Session, error)
	// Serves says whether mail for a domain may go over an open session.
	Serves(ctx context.Context, s *smtpout.Session, domain string, least smtpout.TLSMode) bool
}

// connection is a session that belongs to a gate, which counts it.
type connection struct {
	*smtpout.Session
	gate  *gate
	place *semaphore.Weighted
}

// carries returns how many messages the connection may carry in all: as many as the
// provider's pace allows, and as the server itself does (RFC 9422 §4.1).
func (c *connection) carries() int {
	most := c.gate.perLane()
	if limit := c.Info().Extensions.MailMax; limit > 0 {
		most = min(most, limit)
	}
	return most
}

// end closes the session, politely if it still works, and gives its places back.
func (c *connection) end() {
	ctx, cancel := context.WithTimeout(context.Background(), quitWithin)
	defer cancel()
	c.Close(ctx)
	c.gate.closed()
	c.place.Release(1)
}

// parking keeps connections between two lanes of the same provider.
type parking struct {
	mu     sync.Mutex
	parked map[*gate][]*parkedConnection // guarded by mu; no gate without any
	full   bool                          // guarded by mu; no more may be parked
}

type parkedConnection struct {
	*connection
	timer *time.Timer
}

// put parks a connection; it is ended when nobody takes it in time.
func (p *parking) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full || c.Closed() {
		go c.end()
		return
	}
	if p.parked == nil {
		p.parked = make(map[*gate][]*parkedConnection)
	}
	entry := &parkedConnection{connection: c}
	entry.timer = time.AfterFunc(parkFor, func() {
		if p.remove(entry) {
			entry.end()
		}
	})
	p.parked[c.gate] = append(p.parked[c.gate], entry)
}

// take returns a parked connection of the gate, nil when there is none.
func (p *parking) take(g *gate) *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := p.parked[g]
	if len(entries) == 0 {
		return nil
	}
	entry := p.pull(g, len(entries)-1)
	entry.timer.Stop()
	return entry.connection
}

// yield ends a parked connection of any gate, so that its place is free for one
// that is needed now. It returns false when none is parked.
func (p *parking) yield() bool {
	p.mu.Lock()
	var chosen *parkedConnection
	for g := range p.parked {
		chosen = p.pull(g, 0)
		break
	}
	p.mu.Unlock()
	if chosen == nil {
		return false
	}
	chosen.timer.Stop()
	chosen.end()
	return true
}

func (p *parking) remove(entry *parkedConnection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.parked[entry.gate], entry)
	if i < 0 {
		return false
	}
	p.pull(entry.gate, i)
	return true
}

// pull takes out connection i of a gate, and with the last one the gate: what is
// taken must not stay in memory for as long as others may be parked. p.mu is held.
func (p *parking) pull(g *gate, i int) *parkedConnection {
	entry := p.parked[g][i]
	if rest := slices.Delete(p.parked[g], i, i+1); len(rest) > 0 {
		p.parked[g] = rest
	} else {
		delete(p.parked, g)
	}
	return entry
}

// close ends all parked connections and refuses more.
func (p *parking) close() {
	p.mu.Lock()
	p.full = true
	var all []*parkedConnection
	for _, entries := range p.parked {
		all = append(all, entries...)
	}
	clear(p.parked)
	p.mu.Unlock()
	var wait sync.WaitGroup
	for _, entry := range all {
		entry.timer.Stop() // if it ran out just now, it finds nothing any more
		wait.Go(entry.end)
	}
	wait.Wait()
}
