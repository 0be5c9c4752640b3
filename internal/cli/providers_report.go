package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
)

const (
	// reportLines bounds the table; --json has all.
	reportLines = 200
	// reportWithin is how long the figures may take: they are made of every delivery.
	reportWithin = 5 * time.Minute
)

func newProvidersReport() *cobra.Command {
	var (
		days    int
		domains bool
	)
	cmd := &cobra.Command{
		Use:   "report [PROVIDER]",
		Short: "What came of all campaigns of the last days, by provider or by domain",
		Long: `What came of all campaigns that began in the last days, by provider, or by the domains of one
provider or of all. Health: hard bounces and complaints by the lines of the settings health.….`,
		Example: `  headway providers report
  headway providers report --domains --days 7
  headway providers report google --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > 3650 {
				return usageError{fmt.Errorf("--days %d: from 1 to 3650", days)}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				scope := service.ReportScope{Span: time.Duration(days) * 24 * time.Hour, Domains: domains || len(args) == 1}
				if len(args) == 1 {
					found, err := d.service.FindProvider(ctx, args[0])
					if err != nil {
						return err
					}
					scope.Provider = found.ID
				}
				report, err := d.service.DeliveryReport(ctx, scope, reportWithin)
				if err != nil {
					return err
				}
				return printDelivery(cmd, report.Value)
			})
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how far back campaigns began")
	cmd.Flags().BoolVar(&domains, "domains", false, "by domain instead of by provider")
	return cmd
}

func printDelivery(cmd *cobra.Command, rows []service.DeliveryLine) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "No campaign began in that time.")
		return nil
	}
	t := newTable("name", "recipients", "delivered", "deferred", "bounced hard", "soft", "complaints", "median", "95 %", "health").leftAlign(9)
	for _, r := range rows[:min(len(rows), reportLines)] {
		n := r.Counters
		words := fmt.Sprintf("bounces %s, complaints %s", r.Bounces, r.Complained)
		t.row(clip(r.Name, 40), count(n.Targeted), count(n.Delivered), count(n.Deferred), count(r.Hard), count(r.Soft), count(r.Complaints),
			fmt.Sprintf("%.0f s", r.Median), fmt.Sprintf("%.0f s", r.P95), words)
	}
	t.print(cmd.OutOrStdout())
	if len(rows) > reportLines {
		fmt.Fprintf(cmd.OutOrStdout(), "%s more; --json has all.\n", count(int64(len(rows)-reportLines)))
	}
	return nil
}
