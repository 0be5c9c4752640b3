package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchLaunch() *cobra.Command {
	var (
		o     bench.ThroughputOptions
		watch time.Duration
	)
	cmd := &cobra.Command{
		Use:   "launch",
		Short: "Measure how soon a campaign to a million is launched, and the memory of the sender",
		Long: `Fill a database with contacts, launch a campaign to all of them while a node runs, and measure
until everybody is in the ledger, until the first message is at a receiver, and how much
memory the node has while it sends for a while. Ends with exit code 3 when a target is missed.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runThroughput(cmd, &o, func() ([]bench.Figure, error) { return bench.Launch(cmd.Context(), o, watch) })
		},
	}
	cmd.Flags().IntVar(&o.Recipients, "recipients", 1_000_000, "recipients of the campaign")
	cmd.Flags().IntVar(&o.Domains, "domains", 2000, "domains that they belong to")
	cmd.Flags().DurationVar(&watch, "watch", time.Minute, "how long memory is watched")
	return cmd
}

func newBenchNodes() *cobra.Command {
	var o bench.ThroughputOptions
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "Measure how much more two and three nodes send than one",
		Long: `Send the same campaign from one, two and three nodes on one database, each limited to 8
connections, signed by Ed25519 keys, to receivers that take 20 ms over each message. Ends with
exit code 3 when a target is missed.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runThroughput(cmd, &o, func() ([]bench.Figure, error) { return bench.Nodes(cmd.Context(), o) })
		},
	}
	cmd.Flags().IntVar(&o.Recipients, "recipients", 20000, "messages of each run: the end of a short one has fewer domains than lanes")
	cmd.Flags().IntVar(&o.Domains, "domains", 50, "domains that they go to")
	return cmd
}

// runThroughput checks what a measurement of throughput is asked for, runs it
// and prints its figures.
func runThroughput(cmd *cobra.Command, o *bench.ThroughputOptions, run func() ([]bench.Figure, error)) error {
	if o.Domains < 1 || o.Domains > 2000 || o.Recipients < o.Domains {
		return usageError{fmt.Errorf("%d recipients at %d domains cannot be made; at most 2,000 domains", o.Recipients, o.Domains)}
	}
	var err error
	if o.Binary, o.Config, o.Log, err = benchSettings(cmd); err != nil {
		return err
	}
	o.Out = cmd.ErrOrStderr()
	figures, err := run()
	if err != nil {
		return err
	}
	return printFigures(cmd, figures)
}
