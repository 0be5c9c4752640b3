package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchSeed() *cobra.Command {
	var (
		scale float64
		drop  bool
	)
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Fill a database with a million contacts and ten million deliveries",
		Long: `Fill an empty database with what an installation has after two years: a million contacts at
40,000 domains with their lists, imports, verdicts and suppressions; one campaign to all of
them, a hundred to 50,000 and four thousand to 1,000; their deliveries with attempts, minutes
of providers, changes of pace and clicks. Counters are counted from the rows: headway check
finds nothing.

Without --database-url it is a database of its own in Headway's Postgres. It stays, for
headway bench pages, until headway bench seed --drop. At full size it takes some 6 GB.`,
		Example: `  headway bench seed --scale 0.01
  headway bench seed --database-url postgres://headway@127.0.0.1/empty
  headway bench seed --drop`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if scale <= 0 || scale > 10 {
				return usageError{fmt.Errorf("--scale %g is not between 0 and 10", scale)}
			}
			_, c, log, err := benchSettings(cmd)
			if err != nil {
				return err
			}
			o := bench.SeedOptions{Scale: scale, Config: c, Log: log, Out: cmd.ErrOrStderr()}
			if drop {
				return bench.Unseed(cmd.Context(), o)
			}
			result, err := bench.Seed(cmd.Context(), o)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, result)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s contacts, %s campaigns and %s deliveries in %.0f s\n", count(int64(result.Contacts)),
				count(int64(result.Campaigns)), count(int64(result.Deliveries)), result.Took.Seconds())
			return nil
		},
	}
	cmd.Flags().Float64Var(&scale, "scale", 1, "part of the whole: 0.01 makes 10,000 contacts and 100,000 deliveries")
	cmd.Flags().BoolVar(&drop, "drop", false, "empty the database again")
	return cmd
}

func newBenchPages() *cobra.Command {
	var o bench.PagesOptions
	cmd := &cobra.Command{
		Use:   "pages",
		Short: "Load every page of a large installation, and measure time and size",
		Long: `Load every page from a headway serve with the role web, logged in, as a browser does that has
nothing of it yet: the page and the styles, scripts, pictures and fonts that it names. First
once each after Postgres and Headway were started (cold), then in rounds (warm: the median).
Live parts are event streams: until their first event. Best is the quickest of all loads: on a
busy machine it says more than the median.

The database is the one of headway bench seed, or the one of --database-url; it is filled
first when it is empty, and emptied again afterwards. To measure more than once, run headway
bench seed before, with the same HEADWAY_DATA: what it fills in stays.

Ends with exit code 3 when a page takes longer than 150 ms or more than 200 KB over the wire.`,
		Example: `  headway bench pages
  headway bench pages --scale 0.01 --rounds 3
  headway bench pages --database-url postgres://headway@127.0.0.1/headway`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Scale <= 0 || o.Scale > 10 || o.Rounds < 1 {
				return usageError{fmt.Errorf("--scale %g is not between 0 and 10, or --rounds %d is less than 1", o.Scale, o.Rounds)}
			}
			var err error
			if o.Binary, o.Config, o.Log, err = benchSettings(cmd); err != nil {
				return err
			}
			o.Out = cmd.ErrOrStderr()
			figures, err := bench.Pages(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printPages(cmd, figures)
		},
	}
	cmd.Flags().Float64Var(&o.Scale, "scale", 1, "part of the whole that an empty database is filled with")
	cmd.Flags().IntVar(&o.Rounds, "rounds", 5, "loads of each page after the first")
	return cmd
}

// printPages prints the figures of pages, and ends in an error when one missed a
// target.
func printPages(cmd *cobra.Command, figures []bench.PageFigure) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, figures); err != nil {
			return err
		}
	} else {
		pages := newTable("", "page", "cold", "warm", "best", "page itself", "assets", "together")
		streams := newTable("live part", "cold", "warm", "best")
		ms := func(v float64) string { return fmt.Sprintf("%.0f ms", v) }
		kb := func(v float64) string { return fmt.Sprintf("%.1f KB", v) }
		for _, f := range figures {
			if f.Live {
				streams.row(f.Path, ms(f.Cold), ms(f.Warm), ms(f.Best))
				continue
			}
			pages.row(map[bool]string{true: "✓", false: "✗"}[f.Kept()], shortPath(f.Path), ms(f.Cold), ms(f.Warm), ms(f.Best), kb(f.HTML), kb(f.Assets), kb(f.KB()))
		}
		pages.print(cmd.OutOrStdout())
		fmt.Fprintln(cmd.OutOrStdout())
		streams.print(cmd.OutOrStdout())
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "load of this machine: %s", load)
	}
	if missed := bench.PagesMissed(figures); missed != nil {
		return fmt.Errorf("%w:\n%w", errFound, missed)
	}
	return nil
}

// shortPath leaves out the secret of a path.
func shortPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) > 40 {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}
