package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// launchArgs name a campaign and, for one that was scheduled, the time that was
// meant: a campaign that was scheduled anew leaves the older job without effect.
type launchArgs struct {
	Campaign int64     `json:"campaign"`
	At       time.Time `json:"at,omitzero"`
}

func (launchArgs) Kind() string { return "launch" }

func (launchArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000}
}

type launchWorker struct {
	river.WorkerDefaults[launchArgs]
	bulk *Bulk
}

func (w *launchWorker) NextRetry(job *river.Job[launchArgs]) time.Time { return soon(job.Attempt) }

// Work launches a campaign whose time has come and fills its ledger, from
// wherever an earlier try stood.
func (w *launchWorker) Work(ctx context.Context, job *river.Job[launchArgs]) error {
	store, id := w.bulk.Store, job.Args.Campaign
	c, err := store.Campaign(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil {
		return err
	}
	if c.State == campaign.Scheduled {
		if !c.ScheduledAt.Equal(job.Args.At) {
			return nil
		}
		if c.Series != nil {
			return w.repeat(ctx, c)
		}
		if late := time.Since(c.ScheduledAt); late > c.Settings.MayStartLate() {
			return w.hold(ctx, c, late)
		}
		change := postgres.Change{Verb: campaign.Launch, At: time.Now()}
		if _, err := store.ChangeCampaign(ctx, id, change, nil); err != nil {
			return err
		}
	}
	if c.LaunchDone || c.State == campaign.Draft || c.State.Final() {
		return nil
	}
	if err := store.OpenLedger(ctx, id, time.Now()); err != nil {
		return err
	}
	if err := w.fill(ctx, id); err != nil {
		return err
	}
	if c, err = store.Campaign(ctx, id); err != nil || !c.LaunchDone {
		return err
	}
	return store.AddEvent(ctx, id, postgres.CampaignEvent{At: time.Now(), Kind: "launched",
		Words: fmt.Sprintf("Launched: %s will receive.", campaign.WordsForCount(c.Audience.WillReceive))}, true)
}

// hold takes a campaign whose time was missed off the schedule: what was meant
// for the morning may be wrong in the evening.
func (w *launchWorker) hold(ctx context.Context, c postgres.Campaign, late time.Duration) error {
	at := time.Now()
	if _, err := w.bulk.Store.ChangeCampaign(ctx, c.ID, postgres.Change{Verb: campaign.Unschedule, At: at}, nil); err != nil {
		return err
	}
	return w.bulk.Store.AddEvent(ctx, c.ID, postgres.CampaignEvent{At: at, Kind: "warning",
		Words: fmt.Sprintf("Not started: no node was up at %s, and that was %s ago, more than %s. It is a draft again; send it now or choose another time.",
			campaign.WordsForStart(c.ScheduledAt, c.TimeZone, at), campaign.WordsForWait(late), campaign.WordsForWait(c.Settings.MayStartLate()))}, false)
}

// LaunchTx inserts the job that fills a campaign's ledger. With a time, the job
// waits for it.
func (q *Queue) LaunchTx(ctx context.Context, tx pgx.Tx, id int64, at time.Time) error {
	return insertLaunch(ctx, q.client, tx, id, at)
}

func insertLaunch(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, id int64, at time.Time) error {
	opts := launchArgs{}.InsertOpts()
	opts.ScheduledAt = at
	if _, err := client.InsertTx(ctx, tx, launchArgs{Campaign: id, At: at}, &opts); err != nil {
		return fmt.Errorf("insert the launch of campaign %d: %w", id, err)
	}
	return nil
}
