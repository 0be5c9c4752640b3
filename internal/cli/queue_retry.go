package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
)

func newQueueRetry() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "retry [PROVIDER]",
		Short: "Let what was put off be tried now, at one provider or at all",
		Long: `Make what was put off due now instead of later, at one provider or at all, of every campaign
that is sending or paused. Nothing is overruled: holds, paces and sending hours decide when
each message goes out. Each try counts, and no message is tried for longer than before.`,
		Example: `  headway queue retry --dry-run
  headway queue retry google`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				var provider int64
				if len(args) == 1 {
					found, err := d.service.FindProvider(ctx, args[0])
					if err != nil {
						return err
					}
					provider = found.ID
				}
				return retryDeferred(ctx, cmd, d, provider, dryRun)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	return cmd
}

func retryDeferred(ctx context.Context, cmd *cobra.Command, d *desk, provider int64, dryRun bool) error {
	var (
		done service.DeferredRetry
		err  error
	)
	if dryRun {
		done, err = d.service.PlanRetryDeferred(ctx, provider)
	} else {
		done, err = d.service.RetryDeferred(ctx, provider, me())
	}
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, done)
	}
	if dryRun {
		fmt.Fprintln(cmd.OutOrStdout(), "Nothing was changed. This would follow:")
	}
	fmt.Fprintln(cmd.OutOrStdout(), done.Words())
	if dryRun || done.Messages == 0 {
		return nil
	}
	return warnNobodySends(ctx, cmd, d)
}
