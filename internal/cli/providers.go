package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
)

func newProviders() *cobra.Command {
	return &cobra.Command{
		Use:   "providers",
		Short: "Show each receiving provider: how fast it is mailed, and why",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				paces, err := d.service.Paces(ctx)
				if err != nil {
					return err
				}
				recent, err := d.database.Store.Recent(ctx, time.Now().Add(-time.Hour))
				if err != nil {
					return err
				}
				list := make([]service.ProviderPace, 0, len(paces))
				for _, p := range paces {
					list = append(list, p)
				}
				slices.SortFunc(list, func(a, b service.ProviderPace) int { return cmp.Compare(a.Name, b.Name) })
				if wantsJSON(cmd) {
					return printJSON(cmd, list)
				}
				if len(list) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "No provider has been mailed yet.")
					return nil
				}
				t := newTable("provider", "", "pace/s", "known good", "lanes", "accepted 1 h", "deferred 1 h", "421s 1 h", "state").leftAlign(8)
				for _, p := range list {
					r := recent[p.Provider]
					t.row(p.Name, p.Pace.Mode, fmt.Sprintf("%.1f", p.Pace.Rate), fmt.Sprintf("%.1f", p.Pace.Lo), fmt.Sprint(p.Pace.Lanes),
						count(r.Accepted), count(r.Deferred), count(r.Throttled), paceWords(p.Pace, time.Now()))
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
}
