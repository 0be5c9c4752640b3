package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchLedger() *cobra.Command {
	var o bench.LedgerOptions
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Play five scenarios in which senders lose mail, and count who holds the message",
		Long: `Send a campaign through five kinds of trouble, all at the same time, each from a database and a
process of its own, and compare who was targeted with who holds the message:

  F1  20 % of the recipients answer 421 once, 20 % answer 450 once, 2 % answer 550
  F2  one provider of ten takes 5 messages a second and answers 421 beyond
  F3  SIGTERM in the middle, then started again
  F4  the relay is down at the start and comes up later
  F5  the relay dies midway; the operator resumes while it is still down; then it returns

Refused mail is tried again after seconds instead of minutes, so that it takes a few minutes in
all. Ends with exit code 3 when anybody who is not refused for good does not hold the message,
when more arrived twice than connections were cut, or when the ledger says anything else than
the receivers.`,
		Example: `  headway bench ledger
  headway bench ledger --contacts 200 --only F1,F5`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Contacts < 20 {
				return usageError{fmt.Errorf("--contacts %d is too few to show anything; 20 are the least", o.Contacts)}
			}
			var err error
			if o.Binary, o.Config, _, err = benchSettings(cmd); err != nil {
				return err
			}
			o.Out = cmd.ErrOrStderr()
			rows, err := bench.Ledger(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printLedger(cmd, rows)
		},
	}
	cmd.Flags().IntVar(&o.Contacts, "contacts", 2000, "recipients of each scenario")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "names of scenarios (default: all)")
	return cmd
}

func printLedger(cmd *cobra.Command, rows []bench.LedgerRow) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd, rows); err != nil {
			return err
		}
	} else {
		t := newTable("", "scenario", "targeted", "refused for good", "delivered", "lost", "duplicated", "time")
		for _, r := range rows {
			t.row(r.Name, r.Title, count(int64(r.Targeted)), count(int64(r.Refused)), count(int64(r.Delivered)),
				strconv.Itoa(r.Lost), strconv.Itoa(r.Duplicated), fmt.Sprintf("%.0f s", r.Took.Seconds()))
		}
		t.print(cmd.OutOrStdout())
	}
	if wrong := bench.LedgerWrong(rows); wrong != nil {
		return fmt.Errorf("%w:\n%w", errFound, wrong)
	}
	return nil
}
