package bench

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// learn stores for every provider that was met a pace as if it had been learned
// over days: a rate in messages per second, and no climb while a measurement
// lasts. No node may send meanwhile.
func (g *ground) learn(ctx context.Context, perSecond float64) error {
	store := g.office.Database.Store
	paces, err := store.Paces(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	state := pacing.New(pacing.Profile{Start: perSecond, MaxRate: 2 * perSecond}, now)
	state.Rate.Mode, state.Rate.Lo, state.Rate.Good = "steady", perSecond, perSecond
	state.Rate.Next = state.Clock + 3600
	learned, err := json.Marshal(state)
	if err != nil {
		return err
	}
	for _, p := range paces {
		_, err := store.EditPace(ctx, p.Source, p.Provider, 0, learned, now,
			func([]byte) ([]byte, []postgres.PaceEvent, string, error) { return learned, nil, "", nil })
		if err != nil {
			return err
		}
	}
	return nil
}
