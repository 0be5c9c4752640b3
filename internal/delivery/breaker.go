package delivery

import (
	"context"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// doubtFor is how long a breaker waits for messages that tell whether a file is to
// blame or the provider.
const doubtFor = 30 * time.Second

// holdOnBreakers pauses campaigns under which a provider began to refuse
// everybody, or only says so when their settings ask for that, or where a bad
// file is the cause: one that is stopped for it, or may be since it is on trial.
// While a file looks bad and a few more messages will tell, it waits for these.
// What was refused is not held against the addresses, see postgres.
func (e *Engine) holdOnBreakers(ctx context.Context, now time.Time) error {
	tripped, err := e.store.UntoldBreakers(ctx)
	if err != nil {
		return err
	}
	for _, b := range tripped {
		c, err := e.store.Campaign(ctx, b.Campaign)
		if err != nil {
			return err
		}
		if c.State == campaign.Sending && !c.System {
			undecided, err := e.stopBadFiles(ctx, c, now)
			if err != nil {
				return err
			}
			if undecided && now.Sub(b.At) < doubtFor {
				continue // until the next sweep
			}
		}
		onTrial, err := e.store.OnTrial(ctx, b.Campaign)
		if err != nil {
			return err
		}
		event := postgres.CampaignEvent{At: now, Kind: "breaker", Words: b.Words + "."}
		if c.State == campaign.Sending && !onTrial && !c.System && !c.Settings.StopsWarnOnly {
			event.Words += " The campaign was paused; resume it if you know better."
			_, err = e.store.StopOnce(ctx, c.ID, event)
		} else {
			err = e.store.AddEvent(ctx, c.ID, event, false)
		}
		if err != nil {
			return err
		}
		if err := e.store.ToldBreaker(ctx, b.Provider, now); err != nil {
			return err
		}
		e.log.Warn("a provider refuses everybody; nobody is suppressed for it", "provider", b.Provider, "campaign", b.Campaign)
	}
	return nil
}
