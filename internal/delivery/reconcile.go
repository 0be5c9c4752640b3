package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// reconcileEvery is the longest time that due mail waits for a lane to be asked
// for; most of the time a notification is quicker.
const reconcileEvery = time.Second

// reconcilePause is the least time between two comparisons: several lanes that end at
// about the same time are one reason to compare.
const reconcilePause = 50 * time.Millisecond

// reconcileShare bounds the share of time that comparing takes: with many
// campaigns and providers it reads much, and lanes that end wake it often.
const reconcileShare = 0.1

// Lane names one lane: a River job with these arguments.
type Lane struct {
	Node     int64 // that runs it
	Source   int64
	Provider int64
	Slot     int
}

// reconcile compares due mail with lanes, every second and whenever it is woken,
// until ctx ends, and asks for the lanes that are missing.
func (e *Engine) reconcile(ctx context.Context) {
	ticker := time.NewTicker(reconcileEvery)
	defer ticker.Stop()
	for {
		began := time.Now()
		if err := e.askForLanes(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("due mail could not be compared with lanes", "error", err)
		}
		pause := time.Duration(float64(time.Since(began)) * (1 - reconcileShare) / reconcileShare)
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(max(pause, reconcilePause), reconcileEvery)):
		}
		wake := e.wake
		if e.admission.crowded() {
			wake = nil // lanes that ended leave enough others in line
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-wake:
		}
	}
}

// askForLanes asks for the lanes that are missing, and for a look at domains of which
// nobody knows who takes their mail.
func (e *Engine) askForLanes(ctx context.Context) error {
	now := e.clock.now()
	if unknown, err := e.store.AnyUnknownDomain(ctx, now); err != nil {
		return err
	} else if unknown {
		if err := e.askResolve(ctx); err != nil {
			return err
		}
	}
	due, err := e.store.Due(ctx, now)
	if err != nil {
		return err
	}
	due = slices.DeleteFunc(due, func(d postgres.Due) bool { return e.watch.closed(d.Campaign, now) })
	byProvider, all := grouped(due), sum(due)
	var missing []Lane
	for provider, waiting := range byProvider {
		if !slices.ContainsFunc(waiting, func(d postgres.Due) bool { return !d.At.After(now) }) {
			continue
		}
		g, err := e.gateOf(ctx, provider)
		if err != nil {
			return err
		}
		for _, slot := range g.plan(waiting, max(e.spare()-len(missing), 0), max(int(int64(e.admission.full())*sum(waiting)/all), 1), now) {
			missing = append(missing, Lane{Node: e.node, Source: e.source, Provider: provider, Slot: slot})
		}
	}
	e.forgetIdle(byProvider, now)
	if len(missing) == 0 || e.draining() {
		return nil
	}
	return e.askFor(ctx, missing)
}

// grouped returns the parts of what is due by provider.
func grouped(due []postgres.Due) map[int64][]postgres.Due {
	slices.SortFunc(due, func(a, b postgres.Due) int { return cmp.Compare(a.Provider, b.Provider) })
	byProvider := make(map[int64][]postgres.Due)
	for len(due) > 0 {
		provider, n := due[0].Provider, 1
		for n < len(due) && due[n].Provider == provider {
			n++
		}
		byProvider[provider] = due[:n:n]
		due = due[n:]
	}
	return byProvider
}

// sum returns how many messages wait in all; at least 1, to divide by.
func sum(due []postgres.Due) int64 {
	n := int64(0)
	for _, d := range due {
		n += d.Waiting
	}
	return max(n, 1)
}

// forgetIdle drops what was due at providers where nothing is due any more, and
// gates that nobody needs.
func (e *Engine) forgetIdle(due map[int64][]postgres.Due, now time.Time) {
	e.broker.mu.Lock()
	defer e.broker.mu.Unlock()
	for id, g := range e.broker.gates {
		if _, still := due[id]; still {
			continue
		}
		g.plan(nil, 0, 0, now)
		if g.forgotten(now) {
			delete(e.broker.gates, id)
		}
	}
}

// gateOf returns the gate before a provider, which is made when missing.
func (e *Engine) gateOf(ctx context.Context, provider int64) (*gate, error) {
	e.broker.mu.Lock()
	g, ok := e.broker.gates[provider]
	e.broker.mu.Unlock()
	if ok {
		return g, nil
	}
	p, err := e.store.Provider(ctx, provider)
	if err != nil {
		return nil, err
	}
	e.broker.mu.Lock()
	defer e.broker.mu.Unlock()
	if g, ok := e.broker.gates[provider]; ok {
		return g, nil
	}
	g = newGate(e, p)
	e.broker.gates[provider] = g
	return g, nil
}
