package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing/reply"
)

func newCampaignReport() *cobra.Command {
	return &cobra.Command{
		Use:   "report CAMPAIGN",
		Short: "Show what became of a campaign: totals, providers, domains, replies, readers",
		Args:  exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				live, err := d.service.Live(ctx, id)
				if err != nil {
					return err
				}
				domains, err := d.database.Store.DomainCounters(ctx, id, 20)
				if err != nil {
					return err
				}
				replies, err := d.database.Store.ReplyGroups(ctx, id, 15)
				if err != nil {
					return err
				}
				readers, err := d.service.Readership(ctx, live.Campaign)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, map[string]any{"campaign": live.Campaign, "providers": live.Providers, "readers": readers,
						"estimate": live.Estimates.Whole, "late": live.Estimates.Late(live.Campaign.Settings.FinishBy),
						"domains": domains, "replies": replies})
				}
				printReport(cmd.OutOrStdout(), live, domains, replies)
				printReaders(cmd.OutOrStdout(), readers, live.Campaign.Counters.Delivered)
				return nil
			})
		},
	}
}

func printReport(w io.Writer, live service.Live, domains []postgres.DomainCounters, replies []postgres.ReplyGroup) {
	c := live.Campaign
	fmt.Fprintf(w, "%s (campaign %d): %s\n", c.Name, c.ID, service.StateWords(c, time.Now()))
	if !c.ScheduledAt.IsZero() && c.State == campaign.Scheduled {
		fmt.Fprintf(w, "Starts %s.\n", campaign.WordsForStart(c.ScheduledAt, c.TimeZone, time.Now()))
	}
	printTotals(w, c.Counters)
	if words := strings.TrimSpace(live.Estimates.Whole.Sentences(live.At) + " " + live.Promise()); words != "" {
		fmt.Fprintln(w, words)
	}
	if len(live.Providers) == 0 {
		return
	}
	fmt.Fprintln(w)
	finalTable(live).print(w)
	if len(domains) > 0 {
		fmt.Fprintln(w, "\nLargest domains")
		t := newTable("domain", "provider", "recipients", "delivered", "", "deferred", "bounced")
		for _, d := range domains {
			n := d.Counters
			t.row(d.Domain, d.Provider, count(n.Targeted), count(n.Delivered), percent(n.Delivered, n.Targeted), count(n.Deferred), count(n.Bounced))
		}
		t.print(w)
	}
	if len(replies) > 0 {
		fmt.Fprintln(w, "\nWhat servers said")
		for _, r := range replies {
			fmt.Fprintf(w, "  %6s × %s, %s: %s\n", count(r.Count), r.Provider, reply.Class(r.Class).Words(), clip(r.Sample, 100))
		}
	}
}

// printReaders shows what readers did, if anything of it is known.
func printReaders(w io.Writer, r service.Readership, delivered int64) {
	t := newTable("", "people", "", "times", "by programs")
	t.left[1] = false
	for _, line := range []struct {
		words   string
		counted bool
		done    service.Engaged
	}{{"clicked", r.Tracking.Clicks, r.Clicks}, {"opened", r.Tracking.Opens, r.Opens}} {
		if line.counted || line.done != (service.Engaged{}) {
			t.row(line.words, count(line.done.People), percent(line.done.People, delivered), count(line.done.Times), count(line.done.ProgramTimes))
		}
	}
	if len(t.rows) == 0 || delivered == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat readers did")
	t.print(w)
	if len(r.Links) == 0 {
		return
	}
	fmt.Fprintln(w, "\nLinks")
	t = newTable("link", "people", "", "clicks", "by programs")
	t.left[1] = false
	for _, l := range r.Links {
		t.row(clip(l.URL, 60), count(l.People), percent(l.People, delivered), count(l.Times), count(l.ProgramTimes))
	}
	t.print(w)
}

func printTotals(w io.Writer, n campaign.Counters) {
	t := newTable("", "", "").leftAlign()
	t.head = []string{"", "", ""}
	for _, s := range campaign.DeliveryStates {
		if n.Of(s) > 0 {
			t.row("", s.Words(), count(n.Of(s))+"  "+percent(n.Of(s), n.Targeted))
		}
	}
	t.sum("", "Targeted", count(n.Targeted)+"        ")
	t.print(w)
}

// finalTable is the table per provider at the end of a campaign.
func finalTable(live service.Live) *table {
	t := newTable("provider", "", "recipients", "delivered", "at once", "deferred", "bounced", "expired", "suppressed", "other", "421s")
	t.left[1] = false
	var throttled int64
	for _, p := range live.Providers {
		n := p.Counters
		throttled += p.Throttled
		t.row(clip(p.Name, 30), "", count(n.Targeted), count(n.Delivered), percent(n.AcceptedFirst, n.Delivered), count(n.Waiting()),
			count(n.Bounced), count(n.Expired), count(n.Suppressed), count(n.Cancelled+n.InDoubt), count(p.Throttled))
	}
	n := live.Campaign.Counters
	t.sum("all", "", count(n.Targeted), count(n.Delivered), percent(n.AcceptedFirst, n.Delivered), count(n.Waiting()),
		count(n.Bounced), count(n.Expired), count(n.Suppressed), count(n.Cancelled+n.InDoubt), count(throttled))
	return t
}
