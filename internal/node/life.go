package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// beatEvery is how often a node says that it lives.
	beatEvery = 2 * time.Second
	// beatStale is the age of the last written beat from which a node starts
	// no new transaction. It lies below deadAfter by more than a message takes
	// to begin, so that a node stops before others take over.
	beatStale = 10 * time.Second
	// deadAfter is how long another node's beat may stand still, by our own
	// monotonic clock, before we bury it.
	deadAfter = 15 * time.Second
	// lookEvery is how often the others' beats are looked at.
	lookEvery = time.Second
)

// errBuried says that other nodes took this one for dead: it was stopped, or
// cut off, for longer than 15 seconds. What it held has been given away.
var errBuried = errors.New("this node was taken for dead by the others")

// life beats for one node and watches the others.
type life struct {
	store *postgres.Store
	node  int64
	data  string // folder of the lifelines
	log   *slog.Logger

	started time.Time // carries the monotonic clock
	last    atomic.Int64
	buried  chan struct{}
}

func newLife(store *postgres.Store, node int64, data string, log *slog.Logger) *life {
	return &life{store: store, node: node, data: data, log: log, started: time.Now(), buried: make(chan struct{})}
}

// fresh reports whether the node may start a transaction.
func (l *life) fresh() bool {
	return time.Since(l.started)-time.Duration(l.last.Load()) < beatStale
}

// beat runs until ctx ends or the node is buried.
func (l *life) beat(ctx context.Context) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		before := time.Since(l.started)
		alive, err := l.store.Beat(ctx, l.node, time.Now())
		switch {
		case err != nil && ctx.Err() == nil:
			l.log.Warn("the node's beat was not written", "error", err)
		case err == nil && !alive:
			close(l.buried)
			return
		case err == nil:
			l.last.Store(int64(before))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sighting is the last change of a node's beat that we saw.
type sighting struct {
	beat int64
	at   time.Time // carries the monotonic clock
}

// watch buries nodes whose process has ended, as far as that can be seen from
// here, and those whose beat stands still, until ctx ends. While the database is
// away nobody is buried, and afterwards everybody has the whole time again.
func (l *life) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	seen := make(map[int64]sighting)
	for {
		nodes, err := l.store.Nodes(ctx)
		if err != nil {
			clear(seen)
		}
		still := l.still(seen, nodes, time.Now())
		for _, n := range nodes {
			if n.ID != l.node && (severed(l.data, n.Lifeline) || slices.Contains(still, n.ID)) {
				l.bury(ctx, n)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// still updates the sightings and returns the nodes that are dead by now, again
// and again until they are gone.
func (l *life) still(seen map[int64]sighting, nodes []postgres.Node, now time.Time) []int64 {
	var dead []int64
	for _, n := range nodes {
		before, known := seen[n.ID]
		switch {
		case n.ID == l.node:
		case !known || before.beat != n.Beat:
			seen[n.ID] = sighting{beat: n.Beat, at: now}
		case now.Sub(before.at) >= deadAfter:
			dead = append(dead, n.ID)
		}
	}
	maps.DeleteFunc(seen, func(id int64, _ sighting) bool {
		return !slices.ContainsFunc(nodes, func(n postgres.Node) bool { return n.ID == id })
	})
	return dead
}

func (l *life) bury(ctx context.Context, n postgres.Node) {
	held, err := l.giveBack(ctx, n.ID)
	if err == nil {
		err = l.store.GiveUpSeats(ctx, n.ID)
	}
	if err != nil {
		l.log.Warn("a dead node could not be buried", "node", n.ID, "error", err)
		return
	}
	forgetLifeline(l.data, n.Lifeline)
	l.log.Info("a dead node's work was taken over", "node", n.ID, "deliveries", held)
}

// leave ends the node of this life. What it still held, because it was cut short
// or the database was away, is given back like a dead node's.
func (l *life) leave(ctx context.Context) error {
	held, err := l.giveBack(ctx, l.node)
	if err == nil && held > 0 {
		l.log.Warn("this node ended with mail in hand; it was given back", "deliveries", held)
	}
	return err
}

// giveBack ends a node and returns how many deliveries it held.
func (l *life) giveBack(ctx context.Context, node int64) (int, error) {
	settings := make(map[int64]campaign.Settings)
	return l.store.BuryNode(ctx, node, time.Now(), func(d postgres.Held) postgres.Outcome {
		terms, known := settings[d.Campaign]
		if !known {
			terms = l.terms(ctx, d.Campaign)
			settings[d.Campaign] = terms
		}
		o := settleHeld(d, terms, time.Now(), rand.Float64())
		o.Node = l.node
		return o
	})
}

// terms returns the settings of a campaign, the defaults when it cannot be read.
func (l *life) terms(ctx context.Context, id int64) campaign.Settings {
	c, err := l.store.Campaign(ctx, id)
	if err != nil {
		l.log.Warn("the terms of a campaign could not be read; the defaults are taken", "campaign", id, "error", err)
		return campaign.DefaultSettings()
	}
	return c.Settings
}

// settleHeld turns what a dead node had claimed into an outcome. The first of
// each claim may have gone out: that is an attempt in doubt. All others were
// not begun, because a lane sends in the order of its claim and records each
// outcome before the next.
func settleHeld(d postgres.Held, settings campaign.Settings, now time.Time, spread float64) postgres.Outcome {
	from := campaign.DeliveryState(d.State)
	o := postgres.Outcome{
		Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.Domain,
		Provider: d.Provider, From: from, At: now, InDoubt: true, Number: d.Attempts + 1, First: now,
	}
	if d.FirstAttempt != nil {
		o.First = *d.FirstAttempt
	}
	o.Reply = reply.Reply{Phase: reply.PhaseDot, Lines: []string{"the sending process ended while this message was in hand"}}
	o.Meaning = reply.Meaning{Class: reply.ClassNetwork, Bounce: reply.BounceNetwork, Scope: reply.ScopeLane,
		Temporary: true, Rule: "node_died"}
	decision := settings.Decide(campaign.Attempt{Number: o.Number, First: o.First, InDoubt: true, Doubted: d.Doubted, Meaning: o.Meaning}, now, spread)
	o.To, o.Due = decision.State, decision.Due
	return o
}
