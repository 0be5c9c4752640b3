package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	sweepEvery  = time.Second
	expireEvery = 10 * time.Second
	sweepBatch  = 5000
	// expireGrace leaves the last try, due exactly when the lifetime ends, to
	// its lane.
	expireGrace = time.Minute
	// stopShare is the part of bounces from which a campaign stops or warns,
	// counted once stopSample deliveries are final.
	stopShare  = 0.05
	stopSample = 200
)

// sweep brings to an end what no lane ends, until ctx ends: lost claims,
// cancelled campaigns, expired deliveries, finished campaigns.
func (e *Engine) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	var expired time.Time
	for {
		if err := e.sweepOnce(ctx, time.Since(expired) >= expireEvery); err != nil && ctx.Err() == nil {
			e.log.Warn("campaigns could not be swept", "error", err)
		}
		if time.Since(expired) >= expireEvery {
			expired = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) sweepOnce(ctx context.Context, expire bool) error {
	if err := e.claims.tidy(ctx); err != nil {
		return err
	}
	now := e.clock.now()
	cancelled, err := e.store.UnsweptCancels(ctx)
	if err != nil {
		return err
	}
	for _, id := range cancelled {
		if err := drain(func() (int, error) { return e.store.CancelBatch(ctx, id, sweepBatch, now) }); err != nil {
			return err
		}
	}
	if err := e.probate(ctx, now); err != nil {
		return err
	}
	if expire {
		if n, err := e.store.RecallJobs(ctx); err != nil {
			return err
		} else if n > 0 {
			e.log.Warn("the database's clock was set back; jobs that it put off run now", "jobs", n)
		}
		if err := e.expire(ctx, now); err != nil {
			return err
		}
	}
	if err := e.holdOnBreakers(ctx, now); err != nil {
		return err
	}
	if err := e.sweepFiles(ctx, now); err != nil {
		return err
	}
	finished, err := e.store.FinishableCampaigns(ctx)
	if err != nil {
		return err
	}
	for _, id := range finished {
		if err := e.finish(ctx, id, now); err != nil {
			return err
		}
	}
	return nil
}

// drain repeats a batch until it is empty.
func drain(batch func() (int, error)) error {
	for {
		n, err := batch()
		if err != nil || n == 0 {
			return err
		}
	}
}

func (e *Engine) expire(ctx context.Context, now time.Time) error {
	for _, c := range e.watch.all() {
		before := c.hours.Before(now, c.Settings.Lifetime.Std()+expireGrace)
		err := drain(func() (int, error) { return e.store.ExpireBatch(ctx, c.ID, before, sweepBatch, now) })
		if err != nil {
			return err
		}
		if stop := c.Settings.StopBy; !stop.IsZero() && now.After(stop) {
			if err := drain(func() (int, error) { return e.store.StopBatch(ctx, c.ID, sweepBatch, now) }); err != nil {
				return err
			}
		}
		if !c.System && c.State == campaign.Sending && e.files.due(c.ID, c.Counters.Bounced) {
			if _, err := e.stopBadFiles(ctx, c.Campaign, now); err != nil {
				return err
			}
		}
		judged, err := e.withoutStopped(ctx, c.Campaign)
		if err != nil {
			return err
		}
		if err := e.stopIfBad(ctx, judged, now); err != nil {
			return err
		}
	}
	return nil
}

// stopIfBad pauses a campaign whose bounces show that its list is bad, or only
// says so when the campaign's settings ask for that.
func (e *Engine) stopIfBad(ctx context.Context, c postgres.Campaign, now time.Time) error {
	ended := c.Counters.Delivered + c.Counters.Bounced
	if c.System || c.State != campaign.Sending || ended < stopSample {
		return nil
	}
	share := float64(c.Counters.Bounced) / float64(ended)
	if share <= stopShare {
		return nil
	}
	words := fmt.Sprintf("%.1f %% of the first %s messages bounced; more than %.0f %% harms your reputation",
		100*share, campaign.WordsForCount(ended), 100*stopShare)
	if c.Settings.StopsWarnOnly {
		return e.store.AddEvent(ctx, c.ID, postgres.CampaignEvent{At: now, Kind: "warning", Words: words + ". This campaign only warns."}, true)
	}
	added, err := e.store.StopOnce(ctx, c.ID, postgres.CampaignEvent{At: now, Kind: "stopped",
		Words: words + ". The campaign was paused; resume it if you know better."})
	if err != nil || !added {
		return err
	}
	e.log.Warn("a campaign was paused because of its bounces", "campaign", c.ID, "share", share)
	return nil
}

func (e *Engine) finish(ctx context.Context, id int64, now time.Time) error {
	if _, err := e.store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Finish, At: now}, nil); err != nil {
		return err
	}
	e.log.Info("a campaign is finished", "campaign", id)
	return e.store.AddEvent(ctx, id, postgres.CampaignEvent{At: now, Kind: "finished",
		Words: "Every recipient is in a final state."}, false)
}
