package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// run exchanges feedback for permits, about twice a second while lanes run and
// at once after a refusal, until ctx ends.
func (g *gate) run(ctx context.Context) {
	ticker := time.NewTicker(roundEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			g.lastRound()
			return
		case <-g.kick:
		case <-ticker.C:
			if !g.busy() {
				continue
			}
		}
		if err := g.round(ctx); err != nil && ctx.Err() == nil {
			g.log.Warn("pace could not be exchanged; nothing is sent without permits", "error", err)
			select {
			case <-time.After(roundEvery):
			case <-ctx.Done():
			}
		}
	}
}

// lastRoundWithin bounds the exchange at the end.
const lastRoundWithin = 2 * time.Second

// lastRound hands in what was learned before the process ends.
func (g *gate) lastRound() {
	ctx, cancel := context.WithTimeout(context.Background(), lastRoundWithin)
	defer cancel()
	if !g.busy() {
		return
	}
	if err := g.round(ctx); err != nil {
		g.log.Warn("what was learned last is lost", "error", err)
	}
}

// busy reports whether there is anything to exchange.
func (g *gate) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.lanes) > 0 || len(g.events) > 0
}

// round is one exchange: lock the pace's row, hand in the events, step the
// controller, take a block of permits, write back. One short transaction.
func (g *gate) round(ctx context.Context) error {
	now := time.Now()
	g.mu.Lock()
	events := g.events
	g.events = nil
	known, state := g.version, g.state
	demand := pacing.Demand{Waiting: g.turns.waiting(now), Open: g.open}
	waiting := g.wanted > 0 || len(g.lanes) > 0
	inHand := 0
	for _, b := range g.blocks {
		inHand += b.N
	}
	g.mu.Unlock()

	first, err := json.Marshal(pacing.New(g.profile, now))
	if err != nil {
		return fmt.Errorf("pace of %s: %w", g.provider.Name, err)
	}
	var (
		block     pacing.Block
		decisions []pacing.Decision
	)
	edit := func(stored []byte) ([]byte, []postgres.PaceEvent, string, error) {
		if stored != nil {
			state = pacing.State{}
			if err := json.Unmarshal(stored, &state); err != nil {
				return nil, nil, "", err
			}
		}
		before := state.Pace(now, demand).Version
		state, decisions = pacing.Step(state, events, now)
		if want := min(demand.Waiting, chunkLimit*4) - inHand; waiting && want > 0 {
			state, block = pacing.Take(state, want, now, horizon)
		}
		notice := ""
		if state.Pace(now, demand).Version != before {
			notice = fmt.Sprintf("pace %d %d", g.source, g.provider.ID)
		}
		changed, err := json.Marshal(state)
		return changed, paceEvents(decisions), notice, err
	}
	version, err := g.store.EditPace(ctx, g.source, g.provider.ID, known, first, now, edit)

	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.events = append(events, g.events...) // not lost: handed in next time
		return err
	}
	g.state, g.version = state, version
	g.pace = state.Pace(now, demand)
	g.ready = true
	g.dropLapsed(now)
	if block.N > 0 {
		g.blocks = append(g.blocks, block)
		g.wanted = 0
	}
	close(g.news)
	g.news = make(chan struct{})
	for _, d := range decisions {
		g.observe(d)
	}
	return nil
}

func paceEvents(decisions []pacing.Decision) []postgres.PaceEvent {
	events := make([]postgres.PaceEvent, len(decisions))
	for i, d := range decisions {
		events[i] = postgres.PaceEvent{At: d.At, Kind: string(d.Kind), Was: d.Was, Now: d.Now,
			Reason: d.Reason, Reply: d.Reply}
		if !d.Until.IsZero() {
			events[i].Until = &d.Until
		}
	}
	return events
}

// plan takes the newest picture of what is due and returns the lane slots that
// should run for it and do not run here.
func (g *gate) plan(due []postgres.Due, now time.Time) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns.update(due)
	waiting := g.turns.waiting(now)
	if waiting == 0 {
		return nil
	}
	g.idle = now
	wanted := 1
	if g.ready {
		g.pace = g.state.Pace(now, pacing.Demand{Waiting: waiting, Open: g.open})
		if g.pace.HoldUntil.Sub(now) > time.Second {
			return nil
		}
		wanted = max(g.pace.Lanes, 1)
	}
	var missing []int
	for slot := range min(wanted, waiting) {
		if !g.lanes[slot] {
			missing = append(missing, slot)
		}
	}
	return missing
}

// forgotten reports whether nobody needs the gate any more.
func (g *gate) forgotten(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.lanes) == 0 && len(g.events) == 0 && g.open == 0 && now.Sub(g.idle) > time.Minute
}
