package bench

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// learn stores for every provider that is known a pace as if it had been learned
// over days: a rate in messages per second, and no climb while a measurement
// lasts. No node may send meanwhile.
func (g *ground) learn(ctx context.Context, perSecond float64) error {
	store := g.office.Database.Store
	providers, err := store.Providers(ctx)
	if err != nil {
		return err
	}
	source, err := store.EnsureSource(ctx, groundSource, groundHELO)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, p := range providers {
		profile := g.office.Service.Profile(p.Key)
		profile.Start, profile.MaxRate = perSecond, 2*perSecond
		state := pacing.New(profile, now)
		state.Rate.Mode, state.Rate.Lo, state.Rate.Good = "steady", perSecond, perSecond
		state.Rate.Next = state.Clock + 3600
		learned, err := json.Marshal(state)
		if err != nil {
			return err
		}
		_, err = store.EditPace(ctx, source, p.ID, 0, learned, now,
			func([]byte) ([]byte, []postgres.PaceEvent, string, error) { return learned, nil, "", nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// resolve finds the providers of all mail that waits. It needs no node that sends.
func (g *ground) resolve(ctx context.Context) error {
	if err := g.office.Service.Queue.AskResolve(ctx); err != nil {
		return err
	}
	return await(ctx, resolveWithin, "the providers to be found", func() (bool, error) {
		unknown, err := g.office.Database.Store.AnyUnknownDomain(ctx, time.Now())
		return !unknown, err
	})
}

// resolveWithin bounds that wait.
const resolveWithin = 2 * time.Minute
