package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/api"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

func newProviders() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "providers",
		Short: "Show each receiving provider: how fast it is mailed, and why; hold, release or cap one",
		Long: `Show each receiving provider: how fast it is mailed, why, and what comes next. The pacer
decides by itself; hold, release, cap and reset overrule it by hand, at all nodes at once.
A provider is named by its key, its name or one of its domains.`,
		Example: `  headway providers
  headway providers show google
  headway providers hold google --for 2h --note "asked us to wait, ticket 4711"`,
		Args: oneOfTheCommands,
		RunE: runProviders,
	}
	cmd.AddCommand(newProvidersShow(), newProvidersHold(), newProvidersRelease(), newProvidersCap(), newProvidersReset(), newProvidersReport())
	return cmd
}

func runProviders(cmd *cobra.Command, _ []string) error {
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		all, err := d.service.Providers(ctx)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			views := make([]api.Provider, len(all))
			for i, p := range all {
				views[i] = api.NewProvider(p)
			}
			return printJSON(cmd, views)
		}
		if len(all) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "No provider is known yet: they are found when the first campaign is launched.")
			return nil
		}
		backlogs, err := d.service.Backlogs(ctx)
		if err != nil {
			return err
		}
		t := newTable("provider", "key", "state", "pace", "known good", "lanes", "waiting", "done, UTC", "deferred 1 h", "next", "why").leftAlign(2, 9, 10)
		for _, p := range all {
			view := api.NewProvider(p)
			state, pace, good, lanes, next, why := "not tried yet", "–", "–", "–", "", ""
			done := "–"
			if e, waits := backlogs[p.ID]; waits {
				done = e.Short(time.Now())
			}
			if main, mailed := p.Main(); mailed {
				state, pace, lanes = view.State, perSecond(main.Pace.Rate), fmt.Sprint(main.Pace.Lanes)
				if main.Pace.Lo > 0 {
					good = perSecond(main.Pace.Lo)
				}
				if main.Cap > 0 {
					state += ", capped at " + perSecond(main.Cap)
				}
				next, why = nextStep(main, time.Now()), main.Pace.Reason
			}
			t.row(clip(p.Name, 28), p.Key, state, pace, good, lanes, count(p.Waiting), done, count(p.Recent.Deferred), next, clip(why, 90))
		}
		t.print(cmd.OutOrStdout())
		return nil
	})
}

// perSecond writes a rate: 12/s, 1.4/s or, when slower, 24/min, 30/h.
func perSecond(rate float64) string {
	switch {
	case rate <= 0:
		return "0"
	case rate >= 10:
		return fmt.Sprintf("%.0f/s", rate)
	case rate >= 1:
		return fmt.Sprintf("%.1f/s", rate)
	case rate >= 1.0/60:
		return fmt.Sprintf("%.1f/min", rate*60)
	}
	return fmt.Sprintf("%.1f/h", rate*3600)
}

// nextStep says what the pacer does next at a provider.
func nextStep(s service.SourceStanding, now time.Time) string {
	p := s.Pace
	switch {
	case p.Mode == "knock":
		return "one message tries now"
	case p.Mode == "hold":
		return "one message tries " + in(p.HoldUntil, now)
	case p.Mode == "pause":
		return "goes on " + in(p.HoldUntil, now)
	case p.Mode == "steady" && p.Next.After(now):
		return "looks for more " + in(p.Next, now)
	case p.Mode == "steady":
		return "looks for more soon"
	}
	return "goes faster while nothing is refused"
}

// in says when something is: "at 15:20 UTC" or "in 40 s".
func in(t, now time.Time) string {
	if wait := t.Sub(now); wait < 2*time.Minute {
		return fmt.Sprintf("in %d s", max(int(wait.Seconds()), 0))
	}
	if t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return "at " + t.UTC().Format("15:04 UTC")
	}
	return "on " + t.UTC().Format("2 Jan 15:04 UTC")
}

func newProvidersShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show PROVIDER",
		Short:   "Show one provider: its pace, why, what was learned and what happened lately",
		Example: `  headway providers show google`,
		Args:    exactArgs(1, "the key, name or domain of a provider"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProvider(cmd, args[0], func(ctx context.Context, d *desk, p postgres.Provider) error {
				standing, err := d.service.Provider(ctx, p.ID)
				if err != nil {
					return err
				}
				events, err := d.database.Store.PaceEvents(ctx, p.ID, 0, 12)
				if err != nil {
					return err
				}
				replies, err := d.database.Store.ProviderReplies(ctx, p.ID, time.Now().Add(-24*time.Hour), 5)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, providerJSON(standing, events, replies))
				}
				w := cmd.OutOrStdout()
				printProvider(w, standing)
				printPaceEvents(w, events)
				printReplies(w, replies)
				return nil
			})
		},
	}
}

func providerJSON(standing service.ProviderStanding, events []postgres.PaceEvent, replies []postgres.ReplyGroup) any {
	view := struct {
		Provider api.Provider     `json:"provider"`
		Events   []api.PaceEvent  `json:"events"`
		Replies  []api.ReplyGroup `json:"replies"`
	}{api.NewProvider(standing), make([]api.PaceEvent, len(events)), make([]api.ReplyGroup, len(replies))}
	for i, e := range events {
		view.Events[i] = api.NewPaceEvent(e)
	}
	for i, r := range replies {
		view.Replies[i] = api.NewReplyGroup(r)
	}
	return view
}

func printProvider(w io.Writer, p service.ProviderStanding) {
	fmt.Fprintf(w, "%s (%s)\n", p.Name, p.Key)
	fmt.Fprintf(w, "%s waiting; last hour: %s accepted, %s deferred, %s bounced, %s answered 421\n",
		count(p.Waiting), count(p.Recent.Accepted), count(p.Recent.Deferred), count(p.Recent.Bounced), count(p.Recent.Throttled))
	if len(p.Sources) == 0 {
		fmt.Fprintln(w, "\nNothing has been sent to it yet.")
		return
	}
	for _, s := range p.Sources {
		pace := s.Pace
		fmt.Fprintf(w, "\nFrom %s (%s)\n", s.Source.Address, s.Source.HELO)
		lines := []struct{ name, value string }{
			{"pace", perSecond(pace.Rate) + ", " + pace.Mode},
			{"known", between(pace.Lo, pace.Hi)},
			{"lanes", fmt.Sprintf("%d, %d messages each", pace.Lanes, pace.PerLane)},
			{"next", nextStep(s, time.Now())},
			{"why", pace.Reason},
			{"reply", pace.Reply},
		}
		for _, learned := range s.Learned {
			lines = append(lines, struct{ name, value string }{"learned", learned})
		}
		if pace.Greylists {
			lines = append(lines, struct{ name, value string }{"greylist", "retries pass after " + pace.RetryAfter.String()})
		}
		lines = append(lines, struct{ name, value string }{"budget", fmt.Sprintf("%.1f refusals may still be provoked", max(s.Budget, 0))})
		for _, line := range lines {
			if line.value != "" {
				fmt.Fprintf(w, "  %-9s %s\n", line.name, line.value)
			}
		}
	}
}

// between says what is known of a limit.
func between(good, bad float64) string {
	switch {
	case good > 0 && bad > 0:
		return "between " + perSecond(good) + " (accepted) and " + perSecond(bad) + " (refused)"
	case good > 0:
		return perSecond(good) + " is accepted; no limit was met"
	case bad > 0:
		return perSecond(bad) + " is refused"
	}
	return ""
}

func printPaceEvents(w io.Writer, events []postgres.PaceEvent) {
	if len(events) == 0 {
		return
	}
	fmt.Fprintln(w, "\nChanges of pace, newest first (UTC)")
	for _, e := range events {
		fmt.Fprintf(w, "  %s  %-8s %s → %s: %s\n", e.At.UTC().Format("2 Jan 15:04:05"), e.Kind, perSecond(e.Was), perSecond(e.Now), e.Reason)
	}
}

func printReplies(w io.Writer, replies []postgres.ReplyGroup) {
	if len(replies) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat it said in the last 24 hours")
	for _, r := range replies {
		view := api.NewReplyGroup(r)
		fmt.Fprintf(w, "  %6s × %s\n           %s %s\n", count(r.Count), clip(r.Sample, 110), view.Meaning, view.Remedy)
	}
}

// withProvider runs work with the provider that a person named.
func withProvider(cmd *cobra.Command, reference string, work func(context.Context, *desk, postgres.Provider) error) error {
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		p, err := d.service.FindProvider(ctx, reference)
		if err != nil {
			return err
		}
		return work(ctx, d, p)
	})
}
