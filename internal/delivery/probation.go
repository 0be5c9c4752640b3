package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// probate opens the next slices of files that are on trial, stops those that
// went badly, and ends what they still had to send.
func (e *Engine) probate(ctx context.Context, now time.Time) error {
	changed, err := e.store.StepProbation(ctx, now)
	if err != nil {
		return err
	}
	for _, id := range changed {
		if err := e.store.Notify(ctx, fmt.Sprintf("campaign %d", id)); err != nil {
			return err
		}
	}
	stopped, err := e.store.StoppedCampaigns(ctx)
	if err != nil {
		return err
	}
	for _, id := range stopped {
		if err := drain(func() (int, error) { return e.store.CancelStopped(ctx, id, sweepBatch, now) }); err != nil {
			return err
		}
	}
	return nil
}

// withoutStopped returns a campaign whose results do not count those of stopped
// files: a bad file stops alone, not its campaign.
func (e *Engine) withoutStopped(ctx context.Context, c postgres.Campaign) (postgres.Campaign, error) {
	delivered, bounced, err := e.store.StoppedResults(ctx, c.ID)
	c.Counters.Delivered -= delivered
	c.Counters.Bounced -= bounced
	return c, err
}
