package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

// always is the word for no window.
const always = "always"

func newCampaignWindow() *cobra.Command {
	var zone string
	cmd := &cobra.Command{
		Use:   "window CAMPAIGN [HOURS]",
		Short: "Show or change the hours in which a campaign's mail goes out",
		Long: `Show or change the hours in which a campaign's mail goes out. It can be changed at any time
until the campaign is over: what is being sent keeps to it within a second. "always" lifts it.`,
		Example: `  headway campaign window Autumn
  headway campaign window Autumn "08:00-20:00 mon-fri" --zone Europe/Warsaw
  headway campaign window Autumn always`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError{fmt.Errorf("`%s` takes a campaign and, to change it, hours in quotation marks; see `%[1]s --help`", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				if len(args) == 2 {
					return changeWindow(ctx, cmd, d, id, args[1], zone)
				}
				return showWindow(ctx, cmd, d, id)
			})
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "", "time zone of the hours, e.g. Europe/Warsaw (default the campaign's)")
	return cmd
}

func changeWindow(ctx context.Context, cmd *cobra.Command, d *desk, id int64, hours, zone string) error {
	var w campaign.Window
	if strings.TrimSpace(hours) != always {
		c, err := d.database.Store.Campaign(ctx, id)
		if err != nil {
			return err
		}
		if zone == "" {
			zone = c.TimeZone
		}
		if w, err = campaign.ParseWindow(hours, zone); err != nil {
			return usageError{err}
		}
	}
	if err := d.service.SetWindow(ctx, id, w, me()); errors.Is(err, service.ErrWindow) {
		return usageError{err}
	} else if err != nil {
		return err
	}
	return showWindow(ctx, cmd, d, id)
}

func showWindow(ctx context.Context, cmd *cobra.Command, d *desk, id int64) error {
	c, err := d.database.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	w := c.Settings.Window
	if wantsJSON(cmd) {
		return printJSON(cmd, map[string]campaign.Window{"window": w})
	}
	words := "at any hour"
	if !w.IsZero() {
		words = "only in these hours: " + w.Words()
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Campaign %d goes out %s.\n", id, words)
	return err
}
