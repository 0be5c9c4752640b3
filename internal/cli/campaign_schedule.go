package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/recurrence"
	"github.com/headwaymail/headway/internal/service"
)

type scheduleOptions struct{ at, zone, repeat, readers string }

func newCampaignSchedule() *cobra.Command {
	var o scheduleOptions
	cmd := &cobra.Command{
		Use:   "schedule CAMPAIGN --at TIME",
		Short: "Start a campaign at a time, once or again and again",
		Long: `Start a campaign at a time. With --repeat it starts at every time of a rule (an RRULE of
RFC 5545), from --at on and at its time of day; each run is a campaign of its own, copied
from this one. "headway campaign unschedule" pauses a series, "headway campaign series"
shows, resumes and ends it.`,
		Example: `  headway campaign schedule 12 --at "2026-11-24 09:00" --zone Europe/Warsaw
  headway campaign schedule Autumn --at 2026-11-24T09:00:00+01:00
  headway campaign schedule Weekly --at "2026-11-24 09:00" --zone Europe/Warsaw --repeat "FREQ=WEEKLY;BYDAY=TU"
  headway campaign schedule Autumn --at "2026-11-24 09:00" --zone Europe/Warsaw --reader-zone time_zone
  headway campaign schedule Digest --at "2026-11-30 08:00" --repeat "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=12"`,
		Args: exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error { return runCampaignSchedule(cmd, args[0], o) },
	}
	cmd.Flags().StringVar(&o.at, "at", "", `when: "2026-11-24 09:00" (required)`)
	cmd.Flags().StringVar(&o.zone, "zone", "UTC", "time zone of --at, e.g. Europe/Warsaw")
	cmd.Flags().StringVar(&o.repeat, "repeat", "", `how it repeats, e.g. "FREQ=WEEKLY;BYDAY=TU"`)
	cmd.Flags().StringVar(&o.readers, "reader-zone", "", "contact field with each reader's time zone: --at is then meant where each reader is")
	cmd.MarkFlagsMutuallyExclusive("repeat", "reader-zone")
	return cmd
}

func runCampaignSchedule(cmd *cobra.Command, reference string, o scheduleOptions) error {
	if o.at == "" {
		return usageError{errors.New(`--at is needed: when the campaign starts, e.g. --at "2026-11-24 09:00"`)}
	}
	start, err := campaign.ParseStart(o.at, o.zone)
	if err != nil {
		return usageError{err}
	}
	return withCampaign(cmd, reference, func(ctx context.Context, d *desk, id int64) error {
		if o.repeat != "" {
			rule, err := d.service.Repeat(ctx, id, o.repeat, start, o.zone)
			if errors.Is(err, service.ErrRule) {
				return usageError{fmt.Errorf("--repeat: %w", err)}
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d goes out %s. Each run is a campaign of its own.\n", id, rule.Words())
			printRuns(cmd.OutOrStdout(), rule.After(time.Now(), service.RunsShown), o.zone)
			return warnNobodySends(ctx, cmd, d)
		}
		if o.readers != "" {
			own := campaign.ReaderTime{Field: o.readers, At: start.In(placeOf(o.zone)).Format("2006-01-02 15:04"), Zone: o.zone}
			first, err := d.service.ScheduleByZone(ctx, id, own)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d goes out at %s. The first get it %s.\n", id, own.Words(), campaign.WordsForStart(first, o.zone, time.Now()))
			return warnNobodySends(ctx, cmd, d)
		}
		if err := d.service.Schedule(ctx, id, start, o.zone); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d starts %s.\n", id, campaign.WordsForStart(start, o.zone, time.Now()))
		return warnNobodySends(ctx, cmd, d)
	})
}

// placeOf is the place of a zone whose name was read before.
func placeOf(zone string) *time.Location {
	if place, err := time.LoadLocation(zone); err == nil {
		return place
	}
	return time.UTC
}

// printRuns lists the runs to come.
func printRuns(out io.Writer, runs []time.Time, zone string) {
	for i, run := range runs {
		heading := "      "
		if i == 0 {
			heading = "Next: "
		}
		fmt.Fprintln(out, heading+recurrence.WordsForRun(run, zone))
	}
}

type seriesOptions struct{ resume, end bool }

func newCampaignSeries() *cobra.Command {
	var o seriesOptions
	cmd := &cobra.Command{
		Use:   "series CAMPAIGN",
		Short: "Show, resume or end the series of a campaign that repeats",
		Long: `Show when a campaign that repeats goes out next, and what its last runs are. A series is
paused with "headway campaign unschedule": its campaign is a draft then, and can be changed.`,
		Example: `  headway campaign series Weekly
  headway campaign series Weekly --resume
  headway campaign series Weekly --end`,
		Args: exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error { return runCampaignSeries(cmd, args[0], o) },
	}
	cmd.Flags().BoolVar(&o.resume, "resume", false, "go on after a pause; what would have gone out meanwhile is left out")
	cmd.Flags().BoolVar(&o.end, "end", false, "no more runs; those under way go on")
	cmd.MarkFlagsMutuallyExclusive("resume", "end")
	return cmd
}

func runCampaignSeries(cmd *cobra.Command, reference string, o seriesOptions) error {
	return withCampaign(cmd, reference, func(ctx context.Context, d *desk, id int64) error {
		var err error
		switch {
		case o.resume:
			_, err = d.service.ResumeSeries(ctx, id, me())
		case o.end:
			err = d.service.EndSeries(ctx, id, me())
		}
		if err != nil {
			return err
		}
		c, err := d.database.Store.Campaign(ctx, id)
		if err != nil {
			return err
		}
		series, err := d.service.Series(ctx, c)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, series)
		}
		printSeries(cmd.OutOrStdout(), c.Name, c.State == campaign.Scheduled, series)
		return nil
	})
}

func printSeries(out io.Writer, name string, running bool, series *service.SeriesView) {
	switch {
	case series == nil:
		fmt.Fprintf(out, "%s does not repeat.\n", name)
		return
	case series.Words == "":
		fmt.Fprintf(out, "The series of %s has ended.\n", name)
	case running:
		fmt.Fprintf(out, "%s goes out %s.\n", name, series.Words)
		printRuns(out, series.Next, series.Zone)
	default:
		fmt.Fprintf(out, "The series of %s is paused. It went out %s.\n", name, series.Words)
	}
	for _, run := range series.Runs {
		fmt.Fprintf(out, "Run %d: campaign %d, %s, %s\n", run.RunOf.Number, run.ID, run.Name, run.State.Words(run.Counters))
	}
}
