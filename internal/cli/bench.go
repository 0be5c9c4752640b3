package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
	"github.com/headwaymail/headway/internal/config"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Try hard to break Headway, and measure it",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchKill(), newBenchLedger(), newBenchPacing(), newBenchThroughput(), newBenchSession(), newBenchFaults(), newBenchLaunch(), newBenchNodes(), newBenchImport(), newBenchVerify(), newBenchSeed(), newBenchPages())
	return cmd
}

func newBenchKill() *cobra.Command {
	var rounds, contacts int
	cmd := &cobra.Command{
		Use:   "kill",
		Short: "Kill the sending process with SIGKILL, again and again, and count what is lost",
		Long: `Send the demo's campaign with a process of its own, kill that with SIGKILL at random moments,
start it again, and compare what the ledger says with what the receivers hold. Ends with exit
code 3 when a recipient is lost, when more than one message for each connection that was open
at a kill is in doubt, or when mail flows again only after more than 20 s.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := demoSettings(cmd)
			if err != nil {
				return err
			}
			log, err := logger(cmd, c)
			if err != nil {
				return err
			}
			binary, err := os.Executable()
			if err != nil {
				return err
			}
			result, err := bench.Kill(cmd.Context(), bench.KillOptions{Binary: binary, Rounds: rounds, Contacts: contacts,
				Config: c, Log: log, Out: cmd.OutOrStdout()})
			if err != nil {
				return err
			}
			return printKill(cmd.OutOrStdout(), result)
		},
	}
	cmd.Flags().IntVar(&rounds, "rounds", 20, "how many kills")
	cmd.Flags().IntVar(&contacts, "contacts", 5000, "rows of the contact list")
	return cmd
}

func printKill(w io.Writer, r bench.KillResult) error {
	open, doubt := 0, 0
	for _, round := range r.Rounds {
		open += round.Open
		doubt += round.InDoubt
	}
	fmt.Fprintf(w, "\n%d kills, %d connections open at them: %s targeted, %s delivered, %d lost, %d in doubt, %d arrived again\n",
		len(r.Rounds), open, count(r.Targeted), count(r.Delivered), r.Lost, doubt, r.Duplicated)
	for _, f := range r.Findings {
		mark := "✓"
		if !f.Good {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s %s\n", mark, f.Words)
	}
	wrong := r.Wrong()
	for _, words := range wrong {
		fmt.Fprintf(w, "✗ %s\n", words)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("a promise was not kept: %w", errFound)
	}
	return nil
}

// benchSettings returns what every measurement needs: the path of this binary,
// the settings and a log.
func benchSettings(cmd *cobra.Command) (binary string, c config.Config, log *slog.Logger, err error) {
	if c, err = demoSettings(cmd); err != nil {
		return "", c, nil, err
	}
	if log, err = logger(cmd, c); err != nil {
		return "", c, nil, err
	}
	binary, err = os.Executable()
	return binary, c, log, err
}
