package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

const (
	// roundEvery is how often a gate exchanges feedback for permits. News of
	// throttling must not be older than half a second (docs/PACING.md); a
	// refusal does not even wait for that.
	roundEvery = 400 * time.Millisecond
	// horizon is how far ahead permits are taken, and so how much mail a
	// pause, a cancel or a suppression can meet at most.
	horizon = 750 * time.Millisecond
	// permitLife is how long after its time a permit may still be used.
	permitLife = 1500 * time.Millisecond
	// knockLife is the same for the half-open permit of a hold. The pacer
	// grants another after two minutes.
	knockLife = 90 * time.Second
	// chunkLimit bounds a claim.
	chunkLimit = 200
)

// gate stands before one provider: it hands out the permits that this node was
// granted, and gathers what happened. Its pacing state lives in the database,
// where the gates of all nodes edit it in turn (round.go).
type gate struct {
	provider postgres.Provider
	source   int64
	store    *postgres.Store
	log      *slog.Logger
	profile  pacing.Profile
	observe  func(pacing.Decision)

	kick  chan struct{}   // asks for a round now
	drain <-chan struct{} // closed when nobody should wait here any more

	mu      sync.Mutex
	state   pacing.State   // guarded by mu; as of the last round
	version int64          // guarded by mu; of the row that state was read from
	pace    pacing.Pace    // guarded by mu
	blocks  []pacing.Block // guarded by mu; permits in hand
	events  []pacing.Event // guarded by mu; not handed in yet
	turns   turns          // guarded by mu
	wanted  int            // guarded by mu; permits that lanes wait for
	news    chan struct{}  // guarded by mu; closed after each round
	lanes   map[int]bool   // guarded by mu; slots that run here
	open    int            // guarded by mu; connections open or parked
	opening int            // guarded by mu
	idle    time.Time      // guarded by mu; since when no lane runs
	ready   bool           // guarded by mu; a round has come back
}

func newGate(e *Engine, provider postgres.Provider) *gate {
	return &gate{
		provider: provider, source: e.source, store: e.store, log: e.log.With("provider", provider.Name),
		profile: e.profile(provider.Key), observe: observeDecision,
		kick: make(chan struct{}, 1), drain: e.drain, news: make(chan struct{}), lanes: make(map[int]bool), idle: time.Now(),
	}
}

// permit is the right to send a number of messages, each not before its time.
type permit struct {
	block pacing.Block
	gate  *gate
}

// at returns when message i of the permit may be sent.
func (p permit) at(i int) time.Time { return p.block.Slot(i) }

// valid reports whether message i may still be sent under this permit: a
// refusal since, or too much time, ends it.
func (p permit) valid(i int, now time.Time) bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return !p.gate.lapsed(p.block, i, now)
}

// lapsed reports whether permit i of a block has ended; g.mu is held.
func (g *gate) lapsed(b pacing.Block, i int, now time.Time) bool {
	if b.Probe {
		return now.After(b.Slot(i).Add(knockLife))
	}
	return b.Version < g.pace.Version || now.After(b.Slot(i).Add(permitLife))
}

// giveBack returns the permits from message i on.
func (p permit) giveBack(i int) {
	if i >= p.block.N {
		return
	}
	rest := p.block
	rest.First, rest.N = p.block.Slot(i), p.block.N-i
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.blocks = append(p.gate.blocks, rest)
}

// acquire waits up to wait for permits. It returns false when there are none,
// or when the lane of this slot is one too many.
func (g *gate) acquire(ctx context.Context, slot int, wait time.Duration) (permit, bool) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		p, news, ok := g.tryAcquire(slot, time.Now())
		if ok || news == nil {
			return p, ok
		}
		select {
		case <-news:
		case <-deadline.C:
			g.unwant()
			return permit{}, false
		case <-ctx.Done():
			g.unwant()
			return permit{}, false
		case <-g.drain:
			g.unwant()
			return permit{}, false
		}
	}
}

// tryAcquire takes permits in hand, or returns the channel that tells of new
// ones; both are missing when the lane is not wanted any more.
func (g *gate) tryAcquire(slot int, now time.Time) (permit, <-chan struct{}, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ready && slot >= max(g.pace.Lanes, 1) {
		return permit{}, nil, false
	}
	g.dropLapsed(now)
	if len(g.blocks) > 0 {
		block := g.blocks[0]
		take := min(max(block.N/max(len(g.lanes), 1), 1), chunkLimit, block.N)
		part := block
		part.N = take
		if block.N == take {
			g.blocks = g.blocks[1:]
		} else {
			g.blocks[0].First, g.blocks[0].N = block.Slot(take), block.N-take
		}
		return permit{block: part, gate: g}, nil, true
	}
	g.wanted++
	g.ask()
	return permit{}, g.news, false
}

func (g *gate) unwant() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wanted = max(g.wanted-1, 0)
}

// dropLapsed forgets permits whose time is over or that a refusal has ended.
func (g *gate) dropLapsed(now time.Time) {
	kept := g.blocks[:0]
	for _, b := range g.blocks {
		over := 0
		for over < b.N && g.lapsed(b, over, now) {
			over++
		}
		b.First, b.N = b.Slot(over), b.N-over
		if b.N > 0 {
			kept = append(kept, b)
		}
	}
	g.blocks = kept
}

// ask wants a round soon; g.mu may be held.
func (g *gate) ask() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// report hands in what happened. A refusal is told to the other nodes at once.
func (g *gate) report(e pacing.Event) {
	g.mu.Lock()
	if e.Lanes == 0 {
		e.Lanes = g.open
	}
	g.events = append(g.events, e)
	g.mu.Unlock()
	if e.Kind == pacing.Refused || e.Kind == pacing.OpenRefused {
		g.ask()
	}
}

// enter and leave count the lanes that run here.
func (g *gate) enter(slot int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lanes[slot] {
		return false
	}
	g.lanes[slot] = true
	return true
}

func (g *gate) leave(slot int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.lanes, slot)
	if len(g.lanes) == 0 {
		g.idle = time.Now()
	}
}

// mayOpen waits up to wait until one more connection may be opened.
func (g *gate) mayOpen(ctx context.Context, wait time.Duration) bool {
	deadline := time.Now().Add(wait)
	for {
		now := time.Now()
		g.mu.Lock()
		room := !g.ready || (g.open+g.opening < max(g.pace.Lanes, 1) && g.opening < max(g.pace.MaxOpening, 1))
		if room && !now.Before(g.pace.OpenAfter) {
			g.opening++
			g.mu.Unlock()
			return true
		}
		pause := max(time.Until(g.pace.OpenAfter), 20*time.Millisecond)
		g.mu.Unlock()
		if now.Add(pause).After(deadline) {
			return false
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		case <-g.drain:
			return false
		}
	}
}

// opened ends what mayOpen began.
func (g *gate) opened(ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opening--
	if ok {
		g.open++
	}
}

// closed counts a connection that ended.
func (g *gate) closed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
}
