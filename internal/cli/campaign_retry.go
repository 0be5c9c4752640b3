package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
)

func newCampaignRetry() *cobra.Command {
	var (
		names  []string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "retry CAMPAIGN --states NAMES",
		Short: "Send what failed in a finished campaign again",
		Long: `Queue a finished campaign's deliveries in the named final states again: bounced, expired,
cancelled or in_doubt. The campaign goes back to sending and finishes once more. What was
delivered is never sent again, nor is anything to people who are suppressed, unsubscribed or
off the campaign's lists by now. A message in doubt may have arrived: its reader may get it
twice.`,
		Example: `  headway campaign retry 12 --states expired,bounced --dry-run
  headway campaign retry 12 --states expired`,
		Args: exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			states, err := campaign.ParseRetryable(names)
			if err != nil {
				return usageError{fmt.Errorf("--states: %w", err)}
			}
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				plan, err := d.service.PlanRetry(ctx, id, states)
				if err != nil {
					return err
				}
				if !dryRun {
					if plan, err = d.service.Retry(ctx, id, states, me()); err != nil {
						return err
					}
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, plan)
				}
				out := cmd.OutOrStdout()
				fmt.Fprintf(out, "Campaign %d: %s\n", id, plan.Words())
				if dryRun {
					fmt.Fprintln(out, "Nothing was changed; without --dry-run it is done.")
					return nil
				}
				return warnNobodySends(ctx, cmd, d)
			})
		},
	}
	cmd.Flags().StringSliceVar(&names, "states", nil, "final states, with commas between: bounced, expired, cancelled, in_doubt (required)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	return cmd
}
