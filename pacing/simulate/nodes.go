package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// exchange is how long a node keeps acceptances before it hands them in; a
// refusal is handed in at once.
const exchange = 500 * time.Millisecond

// horizon is how far ahead permits are cut in one exchange.
const horizon = 750 * time.Millisecond

// nodes is the controller as several nodes share it: one state, permits cut
// in blocks that each node uses up alone, outcomes handed in every half
// second. Messages fall to the nodes in turn: their demand is equal.
type nodes struct {
	*envelope
	all  []node
	turn int
}

type node struct {
	block  pacing.Block
	used   int
	events []pacing.Event
	next   time.Duration // next exchange
}

// Nodes is the controller shared by so many nodes.
func Nodes(count int) Contender {
	one := Envelope()
	return Contender{Name: "Envelope, shared", New: func(rng *rand.Rand) Policy {
		n := &nodes{envelope: one.New(rng).(*envelope), all: make([]node, count)}
		for i := range n.all {
			n.all[i].next = time.Duration(i) * exchange / time.Duration(count)
		}
		return n
	}}
}

// Permit lets the next node in turn send, if its block has a slot now.
func (n *nodes) Permit(now time.Duration) (Permit, time.Duration, bool) {
	at, soonest := Start.Add(now), now+exchange
	for range n.all {
		n.turn = (n.turn + 1) % len(n.all)
		one := &n.all[n.turn]
		if one.block.Version != n.state.Version && !one.block.Probe {
			one.block = pacing.Block{} // a refusal told to one node drops the permits of all
		}
		if one.used >= one.block.N {
			one.used = 0
			want := int(n.pace(now, 1).Rate*horizon.Seconds()/float64(len(n.all))) + 1
			n.state, one.block = pacing.Take(n.state, want, at, horizon)
		}
		if one.used < one.block.N {
			slot := one.block.Slot(one.used).Sub(Start)
			if slot <= now {
				one.used++
				return Permit{Probe: one.block.Probe, Fresh: one.block.Untried}, 0, true
			}
			soonest = min(soonest, slot)
		}
	}
	if p := n.pace(now, 1); !p.HoldUntil.IsZero() && p.Mode != "knock" {
		soonest = max(soonest, p.HoldUntil.Sub(Start))
	}
	return Permit{}, max(soonest, now+time.Millisecond), false
}

// Report keeps an outcome until the node's next exchange; refusals, knocks and
// lanes are told at once.
func (n *nodes) Report(now time.Duration, o Outcome) {
	one := &n.all[o.Index%len(n.all)]
	one.events = append(one.events, o.Event)
	if o.Kind != pacing.Accepted || o.Probe {
		n.handIn(now, one)
	}
}

func (n *nodes) handIn(now time.Duration, one *node) {
	n.step(now, one.events...)
	one.events = one.events[:0]
}

// Wake hands in what is due.
func (n *nodes) Wake(now time.Duration) time.Duration {
	next := now + exchange
	for i := range n.all {
		one := &n.all[i]
		if now >= one.next {
			one.next = now + exchange
			n.handIn(now, one)
		}
		next = min(next, one.next)
	}
	return next
}
