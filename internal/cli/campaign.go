package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

func newCampaign() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "campaign",
		Short: "Create, test, launch, schedule, watch and steer campaigns",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCampaignCreate(), newCampaignList(), newCampaignTest(), newCampaignLaunch(), newCampaignSchedule(),
		newCampaignWindow(), newCampaignSeries(), newCampaignWatch(), newCampaignReport(), newCampaignRetry(),
		newCampaignVerb(campaign.Pause, "Stop sending; what waits goes on waiting"),
		newCampaignVerb(campaign.Resume, "Go on after a pause"),
		newCampaignVerb(campaign.Cancel, "Stop for good; what has not gone out does not"),
		newCampaignVerb(campaign.Unschedule, "Take a campaign off the schedule; a series is paused"))
	return cmd
}

type createOptions struct {
	name, from, fromName, replyTo, subject, preheader string
	body, text, postal, zone, priority, finishBy, tls string
	window, layout                                    string
	lists, exclude, segments, excludeSegments, count  []string
	lifetime                                          time.Duration
}

func newCampaignCreate() *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use:   "create --name NAME --from ADDRESS --subject TEXT --body FILE --list NAME",
		Short: "Make a draft from a Markdown or HTML file",
		Long: `Make a draft from a Markdown (.md) or HTML (.html) file. Merge fields are written in Liquid:
{{ first_name | default: "friend" }}. {{ unsubscribe_url }} is the reader's way out; when the
body does not have it, a line with it is added. {{ view_url }} is the newsletter as a page.`,
		Example: `  headway campaign create --name "Autumn" --from news@example.com --from-name "Example" \
      --subject "Hello {{ first_name | default: 'there' }}" --body autumn.md --list Newsletter \
      --zone Europe/Warsaw --window "08:00-20:00 mon-fri"`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runCampaignCreate(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "name of the campaign (required)")
	flags.StringVar(&o.from, "from", "", "address that the mail comes from (required)")
	flags.StringVar(&o.fromName, "from-name", "", "name beside it")
	flags.StringVar(&o.replyTo, "reply-to", "", "address that answers go to")
	flags.StringVar(&o.subject, "subject", "", "subject, with merge fields (required)")
	flags.StringVar(&o.preheader, "preheader", "", "what inboxes show behind the subject")
	flags.StringVar(&o.body, "body", "", "Markdown or HTML file (required)")
	flags.StringVar(&o.text, "text", "", "plain text file; made from the body when missing")
	flags.StringVar(&o.layout, "layout", "letter", "plain, letter, newsletter, or the name of a template of your own")
	flags.StringVar(&o.postal, "postal-address", "", "your address, as law asks in many countries")
	flags.StringSliceVar(&o.lists, "list", nil, "list to send to; may be given several times (required, unless there is a --segment)")
	flags.StringSliceVar(&o.exclude, "exclude", nil, "list whose members are left out")
	flags.StringSliceVar(&o.segments, "segment", nil, "segment whose contacts get it; may be given several times")
	flags.StringSliceVar(&o.excludeSegments, "exclude-segment", nil, "segment whose contacts are left out")
	flags.StringVar(&o.zone, "zone", "UTC", "time zone of the schedule, e.g. Europe/Warsaw")
	flags.StringVar(&o.priority, "priority", "normal", "low, normal or urgent")
	flags.StringVar(&o.finishBy, "finish-by", "", `when all should be done, e.g. "2026-11-24 17:00", in --zone: says who will be late, and becomes urgent where that helps`)
	flags.StringVar(&o.window, "window", "", `when its mail may go out, in --zone, e.g. "08:00-20:00 mon-fri" (default always)`)
	flags.StringSliceVar(&o.count, "count", []string{"clicks"}, "what is counted of what readers do: clicks, opens, or none")
	flags.StringVar(&o.tls, "tls", "", "required (never in the clear) or verified (with a valid certificate, too); mail to servers without waits, and expires")
	flags.DurationVar(&o.lifetime, "lifetime", 0, "how long a message is tried (default 48h)")
	return cmd
}

func runCampaignCreate(cmd *cobra.Command, o createOptions) error {
	for _, needed := range []struct{ flag, value string }{{"name", o.name}, {"from", o.from}, {"subject", o.subject},
		{"body", o.body}, {"list", strings.Join(append(o.lists, o.segments...), ",")}} {
		if needed.value == "" {
			return usageError{fmt.Errorf("--%s is needed; see `%s --help`", needed.flag, cmd.CommandPath())}
		}
	}
	draft := service.Draft{Name: o.name, Lists: o.lists, Exclude: o.exclude,
		Segments: o.segments, ExcludeSegments: o.excludeSegments, TimeZone: o.zone, Settings: campaign.DefaultSettings(),
		Content: campaign.Content{FromName: o.fromName, FromAddress: o.from, ReplyTo: o.replyTo, Subject: o.subject,
			Preheader: o.preheader, PostalAddress: o.postal}}
	draft.Settings.TLS = campaign.TLS(o.tls)
	var err error
	if draft.Settings.Tracking, err = campaign.ParseTracking(o.count); err != nil {
		return usageError{fmt.Errorf("--count: %w", err)}
	}
	if o.window != "" {
		window, err := campaign.ParseWindow(o.window, o.zone)
		if err != nil {
			return usageError{fmt.Errorf("--window: %w", err)}
		}
		draft.Settings.Window = window
	}
	if err := draft.Settings.Check(); err != nil {
		return usageError{fmt.Errorf("--%w", err)}
	}
	if o.lifetime != 0 {
		draft.Settings.Lifetime = campaign.Duration(o.lifetime)
	}
	if o.finishBy != "" {
		by, err := campaign.ParseStart(o.finishBy, o.zone)
		if err != nil {
			return usageError{fmt.Errorf("--finish-by: %w", err)}
		}
		draft.Settings.FinishBy = by.UTC()
	}
	weights := map[string]int{"low": service.WeightLow, "normal": service.WeightNormal, "urgent": service.WeightUrgent}
	weight, known := weights[o.priority]
	if !known {
		return usageError{fmt.Errorf("--priority %q is not low, normal or urgent", o.priority)}
	}
	draft.Weight = weight
	if err := readBody(&draft.Content, o.body, o.text); err != nil {
		return err
	}
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		draft.Content.Layout = o.layout
		if !slices.Contains(message.Layouts(), message.Layout(o.layout)) {
			t, err := d.service.FindTemplate(ctx, o.layout)
			if errors.Is(err, postgres.ErrNotFound) {
				return usageError{fmt.Errorf("--layout %q is not plain, letter or newsletter, and no template of yours; `headway templates` shows these", o.layout)}
			}
			if err != nil {
				return err
			}
			draft.Content.Layout = service.LayoutOf(t.ID)
		}
		id, err := d.service.CreateCampaign(ctx, draft)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, map[string]int64{"id": id})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d is a draft. Next: headway campaign test %d --to you@example.com\n", id, id)
		return nil
	})
}

func readBody(content *campaign.Content, body, text string) error {
	written, err := os.ReadFile(body)
	if err != nil {
		return err
	}
	switch ext := strings.ToLower(filepath.Ext(body)); ext {
	case ".md", ".markdown":
		content.Markdown = string(written)
	case ".html", ".htm":
		content.HTML = string(written)
	case ".txt":
		content.Text = string(written)
	default:
		return usageError{fmt.Errorf("--body %s: the name must end in .md, .html or .txt", body)}
	}
	if text == "" {
		return nil
	}
	if written, err = os.ReadFile(text); err != nil {
		return err
	}
	content.Text = string(written)
	return nil
}

func newCampaignList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List campaigns, newest first",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				campaigns, err := d.database.Store.Campaigns(ctx, 100)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, campaigns)
				}
				t := newTable("", "campaign", "state", "targeted", "delivered", "waiting")
				for _, c := range campaigns {
					n := c.Counters
					t.row(fmt.Sprint(c.ID), c.Name, service.StateWords(c, time.Now()), count(n.Targeted), count(n.Delivered), count(n.Waiting()))
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
}

func newCampaignTest() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:     "test CAMPAIGN --to ADDRESS",
		Short:   "Send the campaign's message to one address, marked [Test]",
		Example: `  headway campaign test 12 --to you@example.com`,
		Args:    exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usageError{errors.New("--to is needed: the address that gets the test")}
			}
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				test, err := d.service.SendTest(ctx, id, to)
				if err != nil {
					return err
				}
				return followTest(ctx, cmd, d, test, to)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "address that gets the test (required)")
	return cmd
}

// testPatience is how long `campaign test` waits for the first outcome.
const testPatience = 30 * time.Second

// followTest waits for the outcome of a test when a node is there to send it.
func followTest(ctx context.Context, cmd *cobra.Command, d *desk, test int64, to string) error {
	out := cmd.OutOrStdout()
	sender, err := d.someoneWorks(ctx, "lanes")
	if err != nil {
		return err
	}
	if !sender {
		fmt.Fprintf(out, "The test to %s is queued; it goes out when `headway serve` runs.\n", to)
		return nil
	}
	for deadline := time.Now().Add(testPatience); time.Now().Before(deadline); {
		recipients, err := d.database.Store.Recipients(ctx, test, "", 0, 1)
		if err != nil {
			return err
		}
		if len(recipients) == 1 && (recipients[0].State.Final() || recipients[0].Attempts > 0) {
			r := recipients[0]
			fmt.Fprintf(out, "%s: %s. %s\n", to, r.State.Words(), r.Reply)
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Fprintf(out, "The test to %s has not been tried after %s; see headway campaign report %d\n", to, testPatience, test)
	return nil
}

func newCampaignLaunch() *cobra.Command {
	return &cobra.Command{
		Use:   "launch CAMPAIGN",
		Short: "Start a campaign now",
		Args:  exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				if err := d.service.Launch(ctx, id); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d is launched. Watch it: headway campaign watch %d\n", id, id)
				return warnNobodySends(ctx, cmd, d)
			})
		},
	}
}

func newCampaignVerb(verb campaign.Verb, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(verb) + " CAMPAIGN",
		Short: short,
		Args:  exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				if err := d.service.DoAs(ctx, id, verb, me()); err != nil {
					return err
				}
				c, err := d.database.Store.Campaign(ctx, id)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d is now: %s\n", id, strings.ToLower(c.State.Words(c.Counters)))
				return nil
			})
		},
	}
}

// withCampaign runs work with the campaign that a person named.
func withCampaign(cmd *cobra.Command, reference string, work func(context.Context, *desk, int64) error) error {
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		c, err := d.service.FindCampaign(ctx, reference)
		if err != nil {
			return err
		}
		return work(ctx, d, c.ID)
	})
}

func warnNobodySends(ctx context.Context, cmd *cobra.Command, d *desk) error {
	sender, err := d.someoneWorks(ctx, "lanes")
	if err != nil {
		return err
	}
	if !sender {
		fmt.Fprintln(cmd.ErrOrStderr(), "No node is sending now: mail goes out when `headway serve` runs.")
	}
	return nil
}
