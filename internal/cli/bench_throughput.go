package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchThroughput() *cobra.Command {
	var o bench.ThroughputOptions
	cmd := &cobra.Command{
		Use:   "throughput",
		Short: "Measure messages per second, beside RSA alone and beside Postfix with OpenDKIM",
		Long: `Send messages of 20 KB, signed and durable one by one, to receivers on this machine that take
everything at once; beside it, in the same run, what signatures alone take, and Postfix (its
queue on disk) with OpenDKIM sending as many messages of the same size to the same receivers,
which needs root; and at the end what goes unsigned to a single relay that signs. Paces are
loaded as if learned, except in the first figure. A rate counts from the first to the last
message at the receivers. Ends with exit code 3 when a target is
missed.`,
		Example: `  headway bench throughput
  headway bench throughput --recipients 2000 --libcrypto ./headway-libcrypto`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runThroughput(cmd, &o, func() ([]bench.Figure, error) { return bench.Throughput(cmd.Context(), o) })
		},
	}
	cmd.Flags().IntVar(&o.Recipients, "recipients", 20_000, "messages of each run")
	cmd.Flags().IntVar(&o.Domains, "domains", 200, "domains that they go to")
	cmd.Flags().StringVar(&o.Libcrypto, "libcrypto", "", "path of a binary built with .ci/build --libcrypto")
	cmd.Flags().BoolVar(&o.Rival, "rival", true, "measure Postfix with OpenDKIM, too")
	cmd.Flags().BoolVar(&o.RelayOnly, "relay-only", false, "measure only unsigned mail to a relay that signs")
	return cmd
}

// printFigures prints figures beside their targets, and ends in an error when
// one is missed.
func printFigures(cmd *cobra.Command, figures []bench.Figure) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, figures); err != nil {
			return err
		}
	} else {
		t := newTable("", "figure", "measured", "target").leftAlign(4)
		for _, f := range figures {
			mark := " "
			if f.Target() != "" && f.NotRun == "" {
				mark = map[bool]string{true: "✓", false: "✗"}[f.Kept()]
			}
			t.row(mark, f.What, f.Said(), f.Target())
		}
		t.print(cmd.OutOrStdout())
		for _, f := range figures {
			if f.NotRun != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "not run: %s: %s\n", f.What, f.NotRun)
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "load of this machine: %s", load)
	}
	if missed := bench.FiguresMissed(figures); missed != nil {
		return fmt.Errorf("%w:\n%w", errFound, missed)
	}
	return nil
}
