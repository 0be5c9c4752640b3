package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// gate stands before one provider: it hands out the permits that this node was
// granted, counts its connections, and gathers what happened. The broker
// exchanges one for the other (broker.go).
type gate struct {
	provider postgres.Provider
	node     int64
	profile  pacing.Profile
	now      func() time.Time
	spare    func() int      // lanes that the node could still run
	kick     func()          // asks for a round now
	wake     func()          // asks for a comparison of due mail with lanes
	drain    <-chan struct{} // closed when nobody should wait here any more
	scarce   func() bool     // lanes wait for the processors

	mu      sync.Mutex
	own     *envelope            // guarded by mu; the source's
	domains map[string]*envelope // guarded by mu; of sending domains that the provider limits
	events  []happening          // guarded by mu; not handed in yet
	turns   turns                // guarded by mu
	places  map[int64]place      // guarded by mu; by campaign, how far its queue was claimed
	content contentWatch         // guarded by mu
	silent  map[int64]bool       // guarded by mu; domains without an answer from DNS (silent.go)
	urgent  bool                 // guarded by mu; a round was asked for since the last one
	news    chan struct{}        // guarded by mu; closed after each round
	lanes   map[int]bool         // guarded by mu; slots that run here
	inLine  bool                 // guarded by mu; a lane waits for admission
	cycle   time.Duration        // guarded by mu; how long a message of a lane took at last
	bare    int                  // guarded by mu; claimed deliveries that wait for other permits
	allowed int                  // guarded by mu; connections that this node may have
	open    int                  // guarded by mu; connections open or parked
	gone    []time.Time          // guarded by mu; when connections ended of late
	opening int                  // guarded by mu; connections being opened
	atOnce  int                  // guarded by mu; that may be
	openers int                  // guarded by mu; lanes that wait for their turn to open one
	openAt  time.Time            // guarded by mu; when that turn is, where openings keep a gap
	met     time.Time            // guarded by mu; the last round; zero: none
	seated  bool                 // guarded by mu; lanes ran here when it began, so that it speaks of them
	idle    time.Time            // guarded by mu; since when no lane runs
	more    bool                 // guarded by mu; the last round granted all that was wanted
	told    bool                 // guarded by mu; there is news in the database
	ended   bool                 // guarded by mu; it is not in the broker's book any more
}

// happening is an event with the sending domain of its message; empty for
// openings and closings.
type happening struct {
	pacing.Event
	domain string
	knock  bool // the message went out under the half-open permit of its domain
}

func newGate(e *Engine, provider postgres.Provider) *gate {
	return &gate{
		provider: provider, node: e.node, profile: e.profile(provider.Key),
		now: e.clock.now, spare: e.spare, kick: e.broker.ask, wake: e.Wake, drain: e.drain, scarce: e.admission.crowded,
		own: &envelope{}, domains: make(map[string]*envelope), content: make(contentWatch), places: make(map[int64]place),
		news: make(chan struct{}), lanes: make(map[int]bool), idle: e.clock.now(),
	}
}

// permit is the right to send a number of messages, each not before its time.
type permit struct {
	block  pacing.Block
	first  bool         // for first attempts only, where the provider greylists
	ample  bool         // many were in hand: the provider takes as much as can be signed
	sender string       // sending domain of its messages
	domain string       // whose second block is; empty: nobody's
	second pacing.Block // the sending domain's; N is 0 when it has no envelope
	gate   *gate
}

// untried reports whether it is for somebody who was never tried.
func (p permit) untried() bool { return p.first || p.block.Untried }

// at returns when message i of the permit may be sent.
func (p permit) at(i int) time.Time {
	at := p.block.Slot(i)
	if p.second.N > 0 && p.second.Slot(i).After(at) {
		at = p.second.Slot(i)
	}
	return at
}

// valid reports whether message i may still be sent under this permit: a
// refusal since, or too much time, ends it.
func (p permit) valid(i int, now time.Time) bool {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if lapsed(p.block, i, g.own.pace.Version, now) {
		return false
	}
	e := g.domains[p.domain]
	return p.second.N == 0 || e == nil || !lapsed(p.second, i, e.pace.Version, now)
}

// giveBack returns the permits from message i on.
func (p permit) giveBack(i int) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if i < p.block.N {
		if p.first {
			g.own.firsts.add(after(p.block, i))
		} else {
			g.own.permits.add(after(p.block, i))
		}
	}
	if e := g.domains[p.domain]; e != nil && i < p.second.N {
		e.permits.add(after(p.second, i))
	}
}

// endorse adds the sending domain's permits, where it has an envelope here. It
// returns how many messages both allow.
func (p *permit) endorse(domain string, most int) int {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	p.sender = domain
	e := g.domains[domain]
	if e == nil {
		return most
	}
	e.drop(g.now())
	p.domain, p.second = domain, e.permits.take(most, g.now())
	return p.second.N
}

// restless and restLongest bound how long a campaign rests whose sending domain has no permits: a
// round may bring some, and a hold may be ended by hand.
const restless, restLongest = 250 * time.Millisecond, 5 * time.Second

// rest lets a campaign wait for the permits of its sending domain.
func (g *gate) rest(campaign int64, domain string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	until := now.Add(restless)
	if e := g.domains[domain]; e != nil && e.pace.HoldUntil.After(until) {
		until = earliest(e.pace.HoldUntil, now.Add(restLongest))
	}
	g.turns.pause(campaign, until)
}

// unendorse gives the sending domain's permits back.
func (p *permit) unendorse() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.domains[p.domain]; e != nil && p.second.N > 0 {
		e.permits.add(p.second)
	}
	p.domain, p.second = "", pacing.Block{}
}

// acquire waits up to wait for permits, at most a number. It returns false when
// there are none, or when the lane of this slot is one too many.
func (g *gate) acquire(ctx context.Context, slot, most int, wait time.Duration) (permit, bool) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		p, news, ok := g.tryAcquire(slot, most, 0, g.now())
		if ok || news == nil {
			return p, ok
		}
		select {
		case <-news:
		case <-deadline.C:
			return permit{}, false
		case <-ctx.Done():
			return permit{}, false
		case <-g.drain:
			return permit{}, false
		}
	}
}

// tryAcquire takes permits in hand, at most a number and a lane's share, to be used
// from a time ahead on, or returns the channel that tells of new ones; both are
// missing when the lane is not wanted any more: it is one too many here, or the node
// has no other lane left for the mail of somebody else.
func (g *gate) tryAcquire(slot, most int, ahead time.Duration, now time.Time) (permit, <-chan struct{}, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fresh(now) && slot >= g.allowed {
		return permit{}, nil, false
	}
	g.own.drop(now)
	for _, purse := range []*purse{&g.own.permits, &g.own.firsts} {
		if purse == &g.own.firsts && g.turns.untried(now) == 0 {
			break
		}
		if n := purse.count(); n > 0 {
			share := min(max(n/max(g.working(), 1), 1), most)
			block := purse.take(share, now.Add(ahead))
			if block.N*fewFresh <= share && g.renew(purse, block, now) {
				return permit{}, g.news, false
			}
			return permit{block: block, first: purse == &g.own.firsts, ample: n > fewPermits, gate: g}, nil, true
		}
	}
	if g.bare == 0 && g.spare() == 0 && !g.turns.any(now) {
		return permit{}, nil, false // nothing is due here, and another provider could have the lane
	}
	if !g.urgent && (g.more || !g.fresh(now) || now.Sub(g.met) > roundEvery) {
		g.urge() // there may be more at once; otherwise the next round is soon enough
	}
	return permit{}, g.news, false
}

// fewFresh is which part of its share a lane takes at least: where permits are plenty,
// most of them may have been due for a while, and a claim of one costs as much as a
// claim of twenty.
const fewFresh = 4

// renew gives the block back, and changes permits that have been due for a while for
// as many fresh ones, by a round; g.mu is held. It returns false, and has done
// nothing, when there are none.
func (g *gate) renew(purse *purse, block pacing.Block, now time.Time) bool {
	if block.Probe || !block.Slot(block.N-1).Before(now.Add(-freshLife)) {
		return false
	}
	purse.add(block)
	g.own.unused = append(g.own.unused, purse.stale(now)...)
	g.urge()
	return true
}

// refresh does the same for a lane that waited elsewhere: it would get a single one
// of them.
func (g *gate) refresh(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if old := g.own.permits.stale(now); len(old) > 0 {
		g.own.unused = append(g.own.unused, old...)
		g.urge()
	}
}

// fresh reports whether what the last round said still holds; g.mu is held.
func (g *gate) fresh(now time.Time) bool { return g.seated && now.Sub(g.met) < freshFor }

// freshFor is how long a round's word on lanes is believed: five rounds.
const freshFor = 2 * time.Second

// lower ends the permits of older versions at once, on a word from another node;
// the next round brings the rest of the news.
func (g *gate) lower(version int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own.pace.Version = max(g.own.pace.Version, version)
	g.own.drop(g.now())
}

// report hands in what happened. A refusal is told to the other nodes at once.
func (g *gate) report(h happening) {
	g.mu.Lock()
	if h.Lanes == 0 {
		h.Lanes = g.open
	}
	g.events = append(g.events, h)
	g.spoke(h.Kind)
	if h.Kind == pacing.OpenRefused || h.Kind == pacing.Refused && slowing(h.Meaning) {
		g.urge()
	}
	g.mu.Unlock()
}

// urge asks for a round at once; g.mu is held.
func (g *gate) urge() {
	g.urgent = true
	g.kick()
}

// lineUp lets one lane wait for admission, stepOut ends that.
func (g *gate) lineUp() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inLine {
		return false
	}
	g.inLine = true
	return true
}

func (g *gate) stepOut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inLine = false
}

// working returns the number of lanes that can use permits; g.mu is held.
func (g *gate) working() int {
	if g.inLine {
		return len(g.lanes) - 1
	}
	return len(g.lanes)
}

// enter and leave count the lanes that run here.
func (g *gate) enter(slot int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lanes[slot] || g.ended {
		return false
	}
	g.lanes[slot] = true
	return true
}

func (g *gate) leave(slot int, cycle time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.lanes, slot)
	g.cycle = cycle
	if len(g.lanes) == 0 {
		g.idle = g.now()
	}
}

// lastCycle returns how long a message took at last; 0: not known.
func (g *gate) lastCycle() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cycle
}

// plan takes the newest picture of what is due and returns the lane slots that
// should run for it and do not run here, at most spare; where lanes wait for the
// processors, no more than makes share lanes in all.
func (g *gate) plan(due []postgres.Due, spare, share int, now time.Time) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.update(due)
	waiting := g.turns.waiting(now)
	if waiting == 0 || spare == 0 {
		return nil
	}
	g.idle = now
	if g.inLine {
		return nil // the processors are the limit, not the lanes
	}
	if g.scarce() {
		spare = min(spare, share-len(g.lanes))
	}
	if g.own.pace.HoldUntil.Sub(now) > time.Second {
		return nil
	}
	wanted := 1
	if g.fresh(now) {
		wanted = g.allowed
	}
	var missing []int
	for slot := range min(wanted, waiting) {
		if !g.lanes[slot] && len(missing) < spare {
			missing = append(missing, slot)
		}
	}
	return missing
}

// forgotten reports whether nobody needs the gate any more, and ends it then.
func (g *gate) forgotten(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = len(g.lanes) == 0 && len(g.events) == 0 && g.open == 0 && now.Sub(g.idle) > time.Minute
	return g.ended
}

// perLane returns how many messages one connection may carry.
func (g *gate) perLane() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.own.pace.PerLane > 0 {
		return g.own.pace.PerLane
	}
	return 50
}

// avoid returns the hosts that fail while others work.
func (g *gate) avoid() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.own.pace.Avoid)
}

// greylists returns after which delay put-off recipients pass; 0: nobody is put
// off here.
func (g *gate) greylists() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.own.pace.Greylists {
		return 0
	}
	return g.own.pace.RetryAfter
}

// slowing reports whether a refusal is about the provider's pace, so that the
// rest of a claim should wait for what the pacer makes of it.
func slowing(m reply.Meaning) bool {
	switch m.Class {
	case reply.ClassGreylist, reply.ClassMailbox, reply.ClassDNS, reply.ClassContent, reply.ClassPolicy, reply.ClassSession:
		return false
	case reply.ClassUnknown:
		return m.Temporary
	}
	return m.Class != reply.ClassNone && (m.Temporary || m.Scope != reply.ScopeRecipient)
}
