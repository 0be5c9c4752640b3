package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// sliceTime is how long a lane works before it lets River schedule again.
	sliceTime = 45 * time.Second
	// permitWait is how long a lane waits for a permit before it gives its
	// worker back.
	permitWait = 5 * time.Second
	// admittedWait is the same for a lane that was let in: it keeps others out
	// meanwhile, and a round brings permits where there are any.
	admittedWait = 250 * time.Millisecond
	// claimTakes is how long it may take from a permit in hand to the message
	// on the wire: a transaction that takes deliveries, a signature, and the
	// work of others on a busy machine.
	claimTakes = 150 * time.Millisecond
)

// lane works for one provider over one connection. It is used by one goroutine.
type lane struct {
	engine   *Engine
	gate     *gate
	slot     int
	conn     *connection
	domain   int64  // the only one to claim for; 0: all
	knocking bool   // the delivery in hand tries whether its campaign's hold is over
	narrow   bool   // domains of this provider have hosts of their own: claim for one at a time
	last     string // domain of the newest message

	unrecorded bool // the process ended before an outcome was recorded

	coming  bool          // it was let in, and has composed nothing yet
	patient bool          // it stood in line for what it claims now
	took    time.Duration // by the newest message, from its first byte to its record
	cycle   time.Duration // the same from the beginning of composing, without waiting for its permit; 0: not known
	ahead   func()        // called once, when the last message of what is claimed goes out
}

// RunLane is one slice of a lane: it sends what is due at the provider until
// nothing is, the slice is over, or the node drains.
func (e *Engine) RunLane(ctx context.Context, name Lane) error {
	if e.draining() {
		return nil
	}
	g, err := e.gateOf(ctx, name.Provider)
	if err != nil {
		return err
	}
	if !g.enter(name.Slot) {
		return nil
	}
	e.running.Add(1)
	laneCount.Inc()
	l := &lane{engine: e, gate: g, slot: name.Slot, cycle: g.lastCycle()}
	defer func() {
		l.leaveRoom() // also when a message makes us panic
		switch {
		case l.conn != nil && g.crowded():
			l.dropConnection()
		case l.conn != nil:
			e.parking.put(l.conn)
		}
		g.leave(name.Slot, l.cycle)
		laneCount.Dec()
		e.running.Add(-1)
		e.Wake()
	}()
	for end := time.Now().Add(sliceTime); time.Now().Before(end) && !e.draining(); {
		p, ok := g.acquire(ctx, name.Slot, l.chunk(), permitWait)
		if !ok || p.ample && !l.admitted(ctx, &p, end) {
			return nil
		}
		sent, err := l.work(ctx, p)
		l.patient = false
		l.leaveRoom()
		if err != nil || !sent {
			return err
		}
	}
	return nil
}

const (
	// chunkTime is about how much of a lane's time it takes in permits at once: the
	// last of them must not lapse while the first ones' messages are on the wire.
	chunkTime = 400 * time.Millisecond
	// chunkPatient is the same for one that stood in line, and will again: permits
	// that lapse are renewed.
	chunkPatient = 2 * time.Second
	// chunkFirst is how many it takes while it is not known how long messages take.
	chunkFirst = 30
)

// chunk is how many permits the lane takes at once.
func (l *lane) chunk() int {
	if l.cycle <= 0 {
		return chunkFirst
	}
	span := chunkTime
	if l.patient {
		span = chunkPatient
	}
	return min(chunkLimit, int(span/l.cycle)+1)
}

// leaveRoom ends an admission that came to nothing.
func (l *lane) leaveRoom() {
	if l.coming {
		l.coming = false
		l.engine.admission.leave()
	}
}

// admitted waits until the processors have room for what the lane may claim. Its
// permits are given back meanwhile and taken anew. It returns false when the
// slice ends before, when there are none any more, or when another lane of the
// provider waits already: more lanes do not help where processors are the limit.
func (l *lane) admitted(ctx context.Context, p *permit, end time.Time) bool {
	a := l.engine.admission
	if a.tryEnter() {
		l.coming = true
		return true
	}
	p.giveBack(0)
	if !l.gate.lineUp() {
		return false
	}
	waiting, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	in := a.enter(waiting, l.engine.drain)
	l.gate.stepOut()
	if !in {
		return false
	}
	l.patient = true
	l.gate.refresh(l.engine.clock.now())
	again, ok := l.gate.acquire(ctx, l.slot, l.chunk(), admittedWait)
	if !ok {
		a.leave()
		return false
	}
	l.coming, *p = true, again
	return true
}

// work sends one claim. It returns false when nothing was due, or when no
// connection can be had now.
//
// The connection comes before the claim: whatever is claimed when the process is
// killed was to go over an open connection, and is in doubt at most once for it.
func (l *lane) work(ctx context.Context, p permit) (bool, error) {
	if !p.fresh(l.engine.clock.now()) {
		return true, nil
	}
	turn, failed, err := l.prepare(ctx, &p)
	if err != nil || turn.Campaign == 0 {
		p.giveBack(0)
		return false, err
	}
	if found, its := l.silent(turn, failed); its {
		p.giveBack(0)
		return true, l.putOffDomain(ctx, turn, failed.Domain, found)
	}
	limit := p.block.N
	if p.second.N > 0 {
		limit = min(limit, p.second.N)
	}
	if failed != nil || turn.Knock {
		limit = 1 // the delivery that the opening was for, or that tries whether a hold is over
	} else if !p.fresh(l.engine.clock.now()) { // the opening took long
		return true, nil
	} else {
		limit = min(limit, max(l.conn.carries()-l.conn.Messages(), 1))
	}
	l.knocking = turn.Knock
	first, err := l.claim(ctx, turn, p, limit, nil)
	if err != nil {
		return false, err
	}
	if len(first.rows) == 0 {
		return true, nil
	}
	return failed == nil, l.run(ctx, first, failed)
}

// fresh reports whether the permit will still be valid when its message has been
// claimed and composed; otherwise both would be done in vain. Of a permit that is
// not fresh, what will be is given back: a lane that acquires again gets it.
func (p permit) fresh(now time.Time) bool {
	stale := 0
	for stale < p.block.N && !p.valid(stale, now.Add(claimTakes)) {
		stale++
	}
	if stale > 0 {
		p.giveBack(stale)
	}
	return stale == 0
}

// prepare finds the campaign whose turn it is, gets the permits of its sending
// domain, and makes sure of a connection for its next delivery. The campaign is 0
// when nothing is due or no connection may be opened now; failed is why one could
// not be opened.
func (l *lane) prepare(ctx context.Context, p *permit) (turn postgres.Due, failed *smtpout.Failure, err error) {
	without := make(map[int64]bool)
	for {
		now := l.engine.clock.now()
		turn, ok := l.gate.nextTurn(now, without)
		if !ok {
			return postgres.Due{}, nil, nil
		}
		without[turn.Campaign] = true // if the loop goes on, it cannot use its turn
		if l.engine.watch.closed(turn.Campaign, now) {
			continue
		}
		if sender := l.engine.watch.sender(turn.Campaign); p.endorse(sender, p.block.N) == 0 {
			l.gate.rest(turn.Campaign, sender, now)
			continue
		}
		if !p.untried() && !turn.Knock && !l.narrow && l.usable(ctx, l.last, l.engine.watch.encryption(turn.Campaign)) {
			l.domain = 0
			return turn, nil, nil // whatever comes next most likely goes over this connection
		}
		id, name, due, err := l.engine.store.Peek(ctx, turn.Campaign, l.gate.provider.ID, p.untried(), now)
		if err == nil && !due && p.block.Untried {
			p.block.Untried = false // everybody was tried: a retry knocks
			id, name, due, err = l.engine.store.Peek(ctx, turn.Campaign, l.gate.provider.ID, p.untried(), now)
		}
		if err == nil && due && turn.Knock {
			due, err = l.engine.store.KnockForCampaign(ctx, turn.Campaign, l.gate.provider.ID, now, now.Add(knockAgain))
		}
		if err != nil {
			return postgres.Due{}, nil, err
		}
		if !due {
			p.unendorse()
			if !p.first {
				l.gate.nothingDue(turn.Campaign)
			}
			continue
		}
		err = l.connect(ctx, name, l.engine.watch.encryption(turn.Campaign))
		switch {
		case errors.Is(err, errNoPlace):
			return postgres.Due{}, nil, nil
		case err != nil:
			l.domain = id
			if !errors.As(err, &failed) {
				failed = &smtpout.Failure{Domain: name, Stage: smtpout.StageConnect,
					Reply: reply.Reply{Phase: reply.PhaseConnect, Lines: []string{err.Error()}}}
			}
			return turn, failed, nil
		}
		l.domain = 0
		if l.narrow {
			l.domain = id
		}
		return turn, nil, nil
	}
}

// spread varies waits, so that retries do not bunch.
func spread() float64 { return rand.Float64() }

// nextTurn, took and nothingDue are the gate's turns under its lock.
func (g *gate) nextTurn(now time.Time, without map[int64]bool) (postgres.Due, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turns.nextBut(now, without)
}

func (g *gate) took(d postgres.Due, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.took(d, n, g.now())
}

func (g *gate) nothingDue(campaign int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.empty(campaign)
}
