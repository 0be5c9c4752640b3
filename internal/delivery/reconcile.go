package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// reconcileEvery is the longest time that due mail waits for a lane to be asked
// for; most of the time a notification is quicker.
const reconcileEvery = time.Second

// Lane names one lane: a River job with these arguments.
type Lane struct {
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
		if err := e.askForLanes(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("due mail could not be compared with lanes", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-e.wake:
		}
	}
}

func (e *Engine) askForLanes(ctx context.Context) error {
	due, err := e.store.Due(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	byProvider := make(map[int64][]postgres.Due)
	for _, d := range due {
		byProvider[d.Provider] = append(byProvider[d.Provider], d)
	}
	var missing []Lane
	for provider, waiting := range byProvider {
		if !slices.ContainsFunc(waiting, func(d postgres.Due) bool { return !d.At.After(now) }) {
			continue
		}
		g, err := e.gateOf(ctx, provider)
		if err != nil {
			return err
		}
		for _, slot := range g.plan(waiting, now) {
			missing = append(missing, Lane{Source: e.source, Provider: provider, Slot: slot})
		}
	}
	e.forgetIdle(byProvider, now)
	if len(missing) == 0 || e.draining() {
		return nil
	}
	return e.askFor(ctx, missing)
}

// forgetIdle drops what was due at providers where nothing is due any more, and
// gates that nobody needs.
func (e *Engine) forgetIdle(due map[int64][]postgres.Due, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, entry := range e.gates {
		if _, still := due[id]; still {
			continue
		}
		entry.gate.plan(nil, now)
		if entry.gate.forgotten(now) {
			entry.stop()
			delete(e.gates, id)
		}
	}
}

// gateEntry is a gate and the end of its goroutine.
type gateEntry struct {
	gate *gate
	stop context.CancelFunc
}

// gateOf returns the gate before a provider, which is made when missing.
func (e *Engine) gateOf(ctx context.Context, provider int64) (*gate, error) {
	e.mu.Lock()
	entry, ok := e.gates[provider]
	e.mu.Unlock()
	if ok {
		return entry.gate, nil
	}
	p, err := e.store.Provider(ctx, provider)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if entry, ok := e.gates[provider]; ok {
		return entry.gate, nil
	}
	g := newGate(e, p)
	running, stop := context.WithCancel(e.running)
	e.gates[provider] = gateEntry{gate: g, stop: stop}
	e.wait.Go(func() { g.run(running) })
	return g, nil
}
