package delivery

import (
	"context"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

// claimed is what a lane has in hand: deliveries and the permits to send them.
type claimed struct {
	turn   postgres.Due
	permit permit
	rows   []postgres.Claimed
	base   int // the row that the permit begins with
	at     time.Time
	epoch  int64
	place  int // places of the claim that are taken
}

// claim takes up to limit deliveries under a permit, as the end of the claim
// before it when there is one. Permits beyond them are given back.
func (l *lane) claim(ctx context.Context, turn postgres.Due, p permit, limit int, before *claimed) (*claimed, error) {
	c := &claimed{turn: turn, permit: p, at: l.engine.clock.now()}
	r := postgres.ClaimRequest{Ledger: turn.Ledger, Campaign: turn.Campaign, Provider: l.gate.provider.ID, Domain: l.domain, Node: l.engine.node,
		Limit: limit, Queued: p.untried(), Now: c.at}
	if l.domain == 0 {
		r.After = l.gate.place(turn.Campaign, c.at)
	}
	if before != nil {
		r.Epoch, r.Place = before.epoch, before.place
	}
	l.gate.took(turn, limit)
	rows, full, err := l.engine.claims.claim(ctx, r)
	l.gate.took(turn, len(rows)-limit)
	switch {
	case err != nil:
	case full && l.domain == 0:
		l.gate.passed(turn.Campaign, rows)
	case full:
	case r.After != postgres.QueuePlace{}:
		l.gate.fromBeginning(turn.Campaign) // something may have come back before
	case len(rows) == 0 || l.domain == 0 && !r.Queued:
		l.gate.nothingDue(turn.Campaign) // until the next comparison
	}
	p.giveBack(len(rows)) // more permits than mail: for other lanes
	c.permit.block.N, c.permit.second.N = min(p.block.N, len(rows)), min(p.second.N, len(rows))
	c.rows, c.epoch, c.place = rows, r.Epoch, r.Place+limit
	if len(rows) > 0 {
		c.epoch = rows[0].Epoch
	}
	return c, err
}

// run sends a claim. While its last message is on the wire it is lengthened, so
// that the connection does not wait for the database twice a message; that
// needs a permit in hand, and it stays one claim, of which one message at most
// may be on its way.
func (l *lane) run(ctx context.Context, c *claimed, failed *smtpout.Failure) error {
	epoch, unsent := c.epoch, true
	defer func() {
		if !l.unrecorded { // else it stays: who finds this node dead sees what is in doubt
			l.engine.claims.ended(epoch, unsent)
		}
	}()
	for goOn := true; c != nil && goOn; {
		next := make(chan *claimed, 1)
		asked := false
		if failed == nil && !l.knocking {
			l.ahead = func() {
				asked, l.ahead = true, nil
				before, on := c, wire{room: l.conn.carries() - l.conn.Messages() - 1, took: l.took, chunk: l.chunk()}
				go func() { next <- l.claimAhead(ctx, before, on) }()
			}
		}
		unsent = true // also when a message makes us panic
		goOn, unsent = l.sendAll(ctx, c, failed)
		l.ahead = nil
		c = nil
		if asked {
			c = <-next
		}
		if c != nil && !goOn {
			c.permit.giveBack(0)
			unsent = true
		}
	}
	return nil
}

// sendAll sends the deliveries of a claim, as far as they can be sent. It returns
// whether more may follow, and whether some are left.
func (l *lane) sendAll(ctx context.Context, c *claimed, failed *smtpout.Failure) (goOn, unsent bool) {
	ahead := l.ahead
	next := 0
	defer func() { // also when a message makes us panic
		c.permit.giveBack(next - c.base)
		l.gate.took(c.turn, next-len(c.rows))
	}()
	for i, d := range c.rows {
		l.ahead = nil
		if i == len(c.rows)-1 {
			l.ahead = ahead
		}
		if failed == nil && !l.covered(ctx, c, i) {
			return false, true
		}
		goOn, used := l.deliver(ctx, c.permit, i-c.base, d, c.at, failed)
		if used {
			next = i + 1
		}
		if !goOn {
			return false, next < len(c.rows)
		}
	}
	return true, false
}

// claimLife is how long what is left of a claim may wait for other permits
// before it is given back: a claim is also the last look at who may be mailed.
const claimLife = 5 * time.Second

// covered makes sure of a permit for a row of a claim. Where messages took longer
// than was thought, the permits of later ones have lapsed: others are taken, and
// the rows need not go back to the database for it.
func (l *lane) covered(ctx context.Context, c *claimed, i int) bool {
	now := l.engine.clock.now()
	if k := i - c.base; k < c.permit.block.N && c.permit.valid(k, now.Add(claimTakes)) {
		return true
	}
	if c.permit.block.Probe || l.knocking || now.Sub(c.at) > claimLife {
		return false
	}
	c.permit.giveBack(i - c.base)
	c.permit.block.N, c.permit.second.N, c.base = 0, 0, i
	left := len(c.rows) - i
	l.gate.count(&l.gate.bare, left)
	p, ok := l.gate.acquire(ctx, l.slot, l.chunk(), permitLife)
	l.gate.count(&l.gate.bare, -left)
	if !ok {
		return false
	}
	if p.first && !c.permit.first || p.block.Probe || p.endorse(l.engine.watch.sender(c.turn.Campaign), p.block.N) == 0 {
		p.giveBack(0)
		return false
	}
	n := min(p.block.N, left)
	if p.second.N > 0 {
		n = min(n, p.second.N)
	}
	p.giveBack(n)
	p.block.N, p.second.N = n, min(p.second.N, n)
	c.permit = p
	return true
}

// wire is what is known of a lane when a message goes on the wire. The lane itself
// belongs to who sends it, and learns when it is done.
type wire struct {
	room  int           // for messages after it, on its connection
	took  time.Duration // by the message before
	chunk int           // of permits that the lane takes at once
}

// permitAhead takes a permit that will be valid when the message on the wire is
// done. How long that takes varies: better a permit whose time has come by then
// for certain, since it stays good for a while, than one that a message done
// early has to wait for.
func (l *lane) permitAhead(on wire, now time.Time) (permit, bool) {
	for _, ahead := range []time.Duration{max(0, on.took-permitLife/2), on.took} {
		p, _, ok := l.gate.tryAcquire(l.slot, on.chunk, ahead, now)
		if !ok {
			return p, false
		}
		if p.valid(0, now.Add(on.took)) {
			return p, true
		}
		p.giveBack(0)
	}
	return permit{}, false
}

// claimAhead lengthens a claim by what may be sent when the message on the wire
// is done, and may go over its connection. It returns nil where nothing may, or
// nothing is due.
func (l *lane) claimAhead(ctx context.Context, before *claimed, on wire) *claimed {
	if on.room < 1 || l.engine.stopping(ctx) || l.engine.admission.crowded() {
		return nil
	}
	p, ok := l.permitAhead(on, l.engine.clock.now())
	if !ok {
		return nil
	}
	turn, ok := l.gate.nextTurn(l.engine.clock.now(), nil)
	if !ok || turn.Knock || p.first || p.block.Probe || l.engine.watch.closed(turn.Campaign, l.engine.clock.now()) ||
		p.endorse(l.engine.watch.sender(turn.Campaign), p.block.N) == 0 {
		p.giveBack(0)
		return nil
	}
	limit := min(p.block.N, on.room)
	if p.second.N > 0 {
		limit = min(limit, p.second.N)
	}
	c, err := l.claim(ctx, turn, p, limit, before)
	if err != nil {
		l.engine.log.Debug("a claim could not be lengthened", "error", err)
		return nil
	}
	if len(c.rows) == 0 {
		return nil
	}
	return c
}
