package delivery

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// sliceTime is how long a lane works before it lets River schedule again.
	sliceTime = 45 * time.Second
	// permitWait is how long a lane waits for a permit before it gives its
	// worker back.
	permitWait = 5 * time.Second
)

// lane works for one provider over one connection. It is used by one goroutine.
type lane struct {
	engine *Engine
	gate   *gate
	slot   int
	conn   *connection
	buffer []byte // the last message, reused
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
	laneCount.Inc()
	l := &lane{engine: e, gate: g, slot: name.Slot}
	defer func() {
		if l.conn != nil {
			e.parking.put(l.conn)
		}
		g.leave(name.Slot)
		laneCount.Dec()
		e.Wake()
	}()
	for end := time.Now().Add(sliceTime); time.Now().Before(end) && !e.draining(); {
		p, ok := g.acquire(ctx, name.Slot, permitWait)
		if !ok {
			return nil
		}
		sent, err := l.work(ctx, p)
		if err != nil || !sent {
			return err
		}
	}
	return nil
}

// work claims what the permit allows and sends it. It returns false when
// nothing was due.
func (l *lane) work(ctx context.Context, p permit) (bool, error) {
	claimedAt := time.Now()
	claimed, campaign, err := l.claim(ctx, p.block.N, claimedAt)
	if err != nil || len(claimed) == 0 {
		p.giveBack(0)
		return false, err
	}
	p.giveBack(len(claimed)) // more permits than mail: for other lanes
	p.block.N = min(p.block.N, len(claimed))
	next := 0
	defer func() { // also when a message makes us panic
		p.giveBack(next)
		l.handBack(claimed[next:])
	}()
	for i, d := range claimed {
		goOn, used := l.deliver(ctx, p, i, d, claimedAt)
		if used {
			next = i + 1
		}
		if !goOn {
			break
		}
		if !used { // left out: given back alone
			l.handBack(claimed[i : i+1])
			next = i + 1
		}
	}
	l.gate.took(campaign, next)
	return true, nil
}

// claim leases up to n deliveries of the campaign whose turn it is.
func (l *lane) claim(ctx context.Context, n int, now time.Time) ([]postgres.Claimed, postgres.Due, error) {
	for {
		turn, ok := l.gate.nextTurn(now)
		if !ok {
			return nil, turn, nil
		}
		claimed, suppressed, err := l.engine.store.Claim(ctx, turn.Campaign, l.gate.provider.ID, l.engine.node, n, now)
		if err != nil {
			return nil, turn, err
		}
		if len(claimed) > 0 {
			return claimed, turn, nil
		}
		if suppressed == 0 {
			l.gate.nothingDue(turn.Campaign)
		}
	}
}

// handBack gives leases back untouched.
func (l *lane) handBack(claimed []postgres.Claimed) {
	if len(claimed) == 0 {
		return
	}
	now := time.Now()
	outcomes := make([]postgres.Outcome, len(claimed))
	for i, d := range claimed {
		outcomes[i] = l.outcome(d, now)
	}
	if err := l.engine.writer.record(l.engine.hard, outcomes...); err != nil {
		l.engine.log.Warn("leases could not be given back; they are when this node is missed", "deliveries", len(claimed), "error", err)
	}
}

// outcome begins the outcome of a delivery: unattempted, in the same state.
func (l *lane) outcome(d postgres.Claimed, now time.Time) postgres.Outcome {
	return postgres.Outcome{
		Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.DomainID,
		Provider: l.gate.provider.ID, Node: l.engine.node, Epoch: d.Epoch,
		From: d.State, To: d.State, Number: d.Attempts, At: now,
	}
}

// spread varies waits, so that retries do not bunch.
func spread() float64 { return rand.Float64() }

// nextTurn, took and nothingDue are the gate's turns under its lock.
func (g *gate) nextTurn(now time.Time) (postgres.Due, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turns.next(now)
}

func (g *gate) took(d postgres.Due, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.took(d, n, time.Now())
}

func (g *gate) nothingDue(campaign int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.empty(campaign)
}
