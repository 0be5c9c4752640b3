package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Recount the whole ledger and compare it with the counters",
		Long: `Count every delivery of every campaign, by provider and by domain, and compare the result
with the counters that the pages show. Ends with exit code 3 when they differ.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				checked, err := d.database.Store.Check(ctx)
				if err != nil {
					return err
				}
				return printChecked(cmd, checked)
			})
		},
	}
}

func printChecked(cmd *cobra.Command, checked postgres.Checked) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, checked); err != nil {
			return err
		}
	} else {
		w := cmd.OutOrStdout()
		fmt.Fprintf(w, "Recounted %s deliveries of %s campaigns.\n", count(checked.Deliveries), count(checked.Campaigns))
		for _, d := range checked.Differences {
			fmt.Fprintf(w, "  campaign %d, %s %d: the counter says %s %s, the ledger %s\n",
				d.Campaign, d.Of, d.ID, count(d.Kept), d.State, count(d.Counted))
		}
	}
	if n := len(checked.Differences); n > 0 {
		return fmt.Errorf("%d counters differ from the ledger: %w", n, errFound)
	}
	if !wantsJSON(cmd) {
		fmt.Fprintln(cmd.OutOrStdout(), "All counters say what the ledger holds.")
	}
	return nil
}

func newMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to the newest schema",
		Long: `Bring the database to the newest schema, ours and River's. A node does the same when it
starts; several may do it at once.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(_ context.Context, d *desk) error { // opening migrates
				where := "The embedded database"
				if d.database.Embedded() == nil {
					where = "The database"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is at the newest schema.\n", where)
				return nil
			})
		},
	}
}
