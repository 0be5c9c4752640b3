package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchPacing() *cobra.Command {
	var (
		minutes float64
		parts   []string
		o       bench.PacingOptions
	)
	cmd := &cobra.Command{
		Use:   "pacing",
		Short: "Measure goodput and refusals over real sockets, at simulated and real receivers",
		Long: `Send a campaign through the whole product to receivers that limit it, over loopback, and
compare what they accepted with what a sender that knows everything could have had accepted.

  receivers  a bucket of 50/s, a cap of 5 connections and 120 a clock minute at the same
             time: a node that knows nothing, then one that goes on from what was learned
  servers    the throttles of Debian's Postfix and Exim (--exim), with Postfix as the other
             sender on the same work, by its defaults and with 1/N feedback; needs root
  nodes      a bucket, a window and a penalty box, from one node and from several on one
             database (--nodes): a run for each
  kill       SIGKILL of the node in a hold and in the middle of a window, back after 5 s,
             beside a node that is left alone; from 4 minutes on

With 10 minutes a run everything takes about 80 minutes.

Nothing leaves this machine, and everything that is started is stopped. Exit code 3 when a
figure is missed; how the run went and what the pacer decided is printed then.`,
		Example: `  headway bench pacing --minutes 2
  headway bench pacing --parts receivers --json > pacing.json`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if minutes <= 0 || minutes > 120 {
				return usageError{fmt.Errorf("--minutes %g is not between 0 and 120", minutes)}
			}
			o.Run = time.Duration(minutes * float64(time.Minute))
			for _, p := range parts {
				o.Parts = append(o.Parts, bench.PacingPart(p))
			}
			return runBenchPacing(cmd, o)
		},
	}
	cmd.Flags().Float64Var(&minutes, "minutes", 10, "length of each run")
	cmd.Flags().IntSliceVar(&o.Nodes, "nodes", []int{1, 2, 3}, "how many nodes on one database, each in a run of its own; the first is compared with")
	cmd.Flags().StringVar(&o.Exim, "exim", "", "path of exim4 where its package was only unpacked")
	cmd.Flags().StringSliceVar(&parts, "parts", nil, "what is measured (default: everything)")
	return cmd
}

func runBenchPacing(cmd *cobra.Command, o bench.PacingOptions) error {
	var err error
	if o.Config, err = demoSettings(cmd); err != nil {
		return err
	}
	if o.Log, err = logger(cmd, o.Config); err != nil {
		return err
	}
	if o.Binary, err = os.Executable(); err != nil {
		return err
	}
	o.Out = cmd.OutOrStdout()
	if wantsJSON(cmd) {
		o.Out = cmd.ErrOrStderr()
	}
	result, err := bench.Pacing(cmd.Context(), o)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			return err
		}
	}
	fmt.Fprintln(o.Out)
	for _, words := range result.NotRun {
		fmt.Fprintf(o.Out, "not run: %s\n", words)
	}
	for _, words := range result.Wrong {
		fmt.Fprintf(o.Out, "✗ %s\n", words)
	}
	if len(result.Wrong) > 0 {
		return fmt.Errorf("%d figures are missed: %w", len(result.Wrong), errFound)
	}
	if len(result.Figures) > 0 {
		fmt.Fprintln(o.Out, "✓ every figure that was measured is reached")
	}
	return nil
}
