package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchFaults() *cobra.Command {
	var (
		o     bench.LedgerOptions
		kills int
	)
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Play a campaign through every fault that we can stage, and count what is lost",
		Long: `Send a campaign through one fault after the other, three at a time, each from a database and
processes of its own, and compare the ledger with what the receivers hold: nobody may be lost,
no more messages may arrive twice than connections were open at the fault, all totals must be
equal. A fault that is not staged here is printed as not run. Ends with exit code 3 when a
promise is not kept.`,
		Example: `  headway bench faults
  headway bench faults --only kill --kills 100
  headway bench faults --only stop,freeze --contacts 500`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Contacts < 20 || kills < 1 {
				return usageError{fmt.Errorf("%d contacts and %d kills show nothing; 20 contacts and one kill are the least", o.Contacts, kills)}
			}
			var err error
			if o.Binary, o.Config, _, err = benchSettings(cmd); err != nil {
				return err
			}
			o.Out = cmd.ErrOrStderr()
			rows, err := bench.Faults(cmd.Context(), o, kills)
			if err != nil {
				return err
			}
			return printFaults(cmd, rows)
		},
	}
	cmd.Flags().IntVar(&o.Contacts, "contacts", 2000, "recipients of each campaign")
	cmd.Flags().IntVar(&kills, "kills", 5, "how often the sender is killed with SIGKILL")
	cmd.Flags().StringVar(&o.FakeTime, "faketime", "", "path of libfaketime.so.1, for the fault \"clock\" (default: searched)")
	cmd.Flags().StringVar(&o.Volume, "volume", "", "mount a small volume on this folder: what the fault \"disk\" starts itself with")
	cobra.CheckErr(cmd.Flags().MarkHidden("volume"))
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "names of faults (default: all)")
	return cmd
}

func printFaults(cmd *cobra.Command, rows []bench.LedgerRow) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, rows); err != nil {
			return err
		}
	} else {
		t := newTable("", "fault", "targeted", "delivered", "lost", "open at it", "duplicated", "mail again after")
		for _, r := range rows {
			if r.NotRun != "" {
				t.row(r.Name, r.Title, "not run", "", "", "", "", "")
				continue
			}
			t.row(r.Name, r.Title, count(int64(r.Targeted)), count(int64(r.Delivered)), strconv.Itoa(r.Lost),
				strconv.Itoa(r.Open), strconv.Itoa(r.Duplicated), fmt.Sprintf("%.1f s", r.Recovered.Seconds()))
		}
		t.print(cmd.OutOrStdout())
		for _, r := range rows {
			if r.NotRun != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "not run: %s: %s\n", r.Title, r.NotRun)
			}
		}
	}
	if wrong := bench.LedgerWrong(rows); wrong != nil {
		return fmt.Errorf("%w:\n%w", errFound, wrong)
	}
	return nil
}
