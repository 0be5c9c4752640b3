package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchSession() *cobra.Command {
	var o bench.SessionOptions
	cmd := &cobra.Command{
		Use:   "session",
		Short: "Measure how many messages a connection carries in a round trip, beside Postfix",
		Long: `Send messages of 20 KB over one connection at a time to a receiver behind a proxy that delays
everything, once with CHUNKING and once with PIPELINING only, and have Postfix (needs root)
send as many over the same path. What opening a connection takes is left out; recording each
outcome before the next message is not. Ends with exit code 3 when a target is missed.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Messages < 20 || o.RoundTrip < time.Millisecond {
				return usageError{fmt.Errorf("%d messages at %s show nothing; 20 messages and 1 ms are the least", o.Messages, o.RoundTrip)}
			}
			var err error
			if o.Binary, o.Config, o.Log, err = benchSettings(cmd); err != nil {
				return err
			}
			o.Out = cmd.ErrOrStderr()
			figures, err := bench.Session(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printFigures(cmd, figures)
		},
	}
	cmd.Flags().IntVar(&o.Messages, "messages", 200, "messages of each run")
	cmd.Flags().DurationVar(&o.RoundTrip, "rtt", 50*time.Millisecond, "round trip to the receiver")
	return cmd
}
