package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/recurrence"
	"github.com/headwaymail/headway/internal/postgres"
)

// repeat makes the run of a series whose time has come, and plans the next.
func (w *launchWorker) repeat(ctx context.Context, c postgres.Campaign) error {
	plan, err := planRun(c, time.Now())
	if err != nil {
		return err
	}
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return fmt.Errorf("run of campaign %d: %w", c.ID, err)
	}
	_, err = w.bulk.Store.StartRun(ctx, c.ID, plan, func(tx pgx.Tx, run int64) error {
		if run != 0 {
			if err := insertLaunch(ctx, client, tx, run, time.Time{}); err != nil {
				return err
			}
		}
		if plan.Next.IsZero() {
			return nil
		}
		return insertLaunch(ctx, client, tx, c.ID, plan.Next)
	})
	return err
}

// planRun says what becomes of a series at now. Of the times that have come
// since it was planned, only the last is sent, if it is not later than the
// campaign may start; the others were missed, and are said so: several issues in
// one burst are worse than one that is left out.
func planRun(c postgres.Campaign, now time.Time) (postgres.RunPlan, error) {
	rule, err := recurrence.Parse(c.Series.Rule, c.Series.Starts, c.Series.Zone)
	if err != nil {
		return postgres.RunPlan{}, fmt.Errorf("series of campaign %d: %w", c.ID, err)
	}
	p := postgres.RunPlan{At: c.ScheduledAt, Now: now, Settings: c.Settings}
	due := rule.Upto(c.ScheduledAt, now)
	if len(due) > 0 {
		last := due[len(due)-1]
		if now.Sub(last) <= c.Settings.MayStartLate() {
			due = due[:len(due)-1]
			p.Name, p.Meant = campaign.RunName(c.Name, last, c.Series.Zone), last
			p.Settings = rule.Terms(c.Settings, last)
		}
	}
	if len(due) > 0 {
		p.Events = append(p.Events, postgres.CampaignEvent{At: now, Kind: "warning", Words: missedWords(due, p.Name != "", c, now)})
	}
	if next := rule.After(now, 1); len(next) > 0 {
		p.Next = next[0].UTC()
	} else {
		p.Events = append(p.Events, postgres.CampaignEvent{At: now, Kind: "series", Words: "The series is over: its rule names no more days. This is a draft again."})
	}
	return p, nil
}

// missedNamed is how many missed runs are named.
const missedNamed = 3

// missedWords says which runs are not sent, and why: they are too late, or a
// later one goes out in their place.
func missedWords(missed []time.Time, overtaken bool, c postgres.Campaign, now time.Time) string {
	words := ""
	for i, t := range missed[:min(len(missed), missedNamed)] {
		if i > 0 {
			words += "; "
		}
		words += campaign.WordsForStart(t, c.Series.Zone, now)
	}
	if more := len(missed) - missedNamed; more > 0 {
		words += fmt.Sprintf("; and %d more", more)
	}
	switch {
	case len(missed) > 1:
		return fmt.Sprintf("Not sent: %d runs, of %s. No node was up at these times.", len(missed), words)
	case overtaken:
		return fmt.Sprintf("Not sent: the run of %s. No node was up at that time, and the next run has come.", words)
	}
	return fmt.Sprintf("Not sent: the run of %s. No node was up at that time, and by now it is %s late; %s is the most.",
		words, campaign.WordsForWait(now.Sub(missed[0])), campaign.WordsForWait(c.Settings.MayStartLate()))
}
