package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
	"github.com/headwaymail/headway/listhygiene"
)

// verifyWithin is how long a million contacts may take.
const verifyWithin = 120 * time.Second

func newBenchVerify() *cobra.Command {
	o := bench.VerifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify a large list against a local name server, and count its questions",
		Long: `Fill a database of its own with contacts, verify them against a name server on loopback that
takes its time, and compare with what the questions alone take. Ends with exit code 3 when a
question was asked twice within its time, a contact has no verdict, or it took more than 120 s.`,
		Example: `  headway bench verify
  headway bench verify --contacts 20000 --domains 1000`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Contacts < 1 || o.Domains < 1 || o.Domains > o.Contacts {
				return usageError{fmt.Errorf("%d contacts at %d domains cannot be made", o.Contacts, o.Domains)}
			}
			var err error
			if o.Config, err = demoSettings(cmd); err != nil {
				return err
			}
			if o.Log, err = logger(cmd, o.Config); err != nil {
				return err
			}
			o.Out = cmd.ErrOrStderr()
			result, err := bench.Verify(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printBenchVerify(cmd, o, result)
		},
	}
	cmd.Flags().IntVar(&o.Contacts, "contacts", 1_000_000, "contacts to verify")
	cmd.Flags().IntVar(&o.Domains, "domains", 50_000, "domains that they belong to")
	cmd.Flags().DurationVar(&o.Latency, "latency", 5*time.Millisecond, "time that each DNS answer takes")
	return cmd
}

func printBenchVerify(cmd *cobra.Command, o bench.VerifyOptions, r bench.VerifyResult) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, r); err != nil {
			return err
		}
	} else {
		writeBenchVerify(cmd.OutOrStdout(), o, r)
	}
	wrong := r.Wrong(o.Contacts, verifyWithin)
	for _, words := range wrong {
		fmt.Fprintf(cmd.ErrOrStderr(), "✗ %s\n", words)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("verification is not as it should be: %w", errFound)
	}
	return nil
}

func writeBenchVerify(w io.Writer, o bench.VerifyOptions, r bench.VerifyResult) {
	fmt.Fprintf(w, "Verified %s contacts at %s domains in %.1f s (domains %.1f s, verdicts %.1f s)\n", count(int64(o.Contacts)), count(int64(o.Domains)),
		r.Took.Seconds(), r.Domains.Seconds(), (r.Took - r.Domains).Seconds())
	fmt.Fprintf(w, "DNS alone, %s an answer: %.1f s; that is %.2f of the whole\n", o.Latency, r.Bare.Seconds(), r.Bare.Seconds()/r.Took.Seconds())
	fmt.Fprintf(w, "%s questions, %s of them repeated; verified again: %s questions\n", count(int64(r.Questions)), count(int64(r.Repeated)), count(int64(r.Again)))
	for _, verdict := range listhygiene.Verdicts() {
		fmt.Fprintf(w, "%10s  %s\n", count(r.Verdicts[string(verdict)]), verdict)
	}
}
