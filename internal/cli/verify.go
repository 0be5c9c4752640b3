package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

func newVerify() *cobra.Command {
	var list, csv string
	days := -1
	cmd := &cobra.Command{
		Use:   "verify --list NAME",
		Short: "Verify the contacts of a list, and say which can be mailed",
		Long: `Look up the domains of a list, compare its addresses with public lists and with what became
of earlier messages, and give each contact a verdict with its reasons. No mail host is asked
whether an address exists: large providers forbid that and answer falsely. What is not
proven is tried in small slices of the next campaign instead.

A domain that was looked at lately is not asked for again, and one that is missing counts as
dead only after three looks over 72 hours.`,
		Example: `  headway verify --list Newsletter
  headway verify --list Newsletter --csv verdicts.csv
  headway verify --list Newsletter --every 14`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runVerify(cmd, list, csv, days) },
	}
	cmd.Flags().StringVar(&list, "list", "", "name of the list (required)")
	cmd.Flags().StringVar(&csv, "csv", "", "write address, verdict, reasons, suggestion and evidence to this file")
	cmd.Flags().IntVar(&days, "every", -1, "verify the list again by itself after so many days; 0: never")
	return cmd
}

func runVerify(cmd *cobra.Command, list, csv string, days int) error {
	if list == "" {
		return usageError{errors.New("--list is needed: the name of the list to verify")}
	}
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		id, err := d.service.ListNamed(ctx, list)
		if err != nil {
			return err
		}
		if days >= 0 {
			if err := d.service.VerifyEvery(ctx, id, days); err != nil {
				return err
			}
		}
		pass, err := d.service.Verify(ctx, id)
		if err != nil {
			return err
		}
		var done postgres.Verification
		err = d.withBulk(ctx, func() error {
			done, err = followVerification(ctx, cmd, d, pass)
			return err
		})
		if err != nil {
			return err
		}
		if err := writeVerdicts(ctx, d, id, csv); err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, done)
		}
		printVerification(cmd.OutOrStdout(), done)
		return nil
	})
}

// followVerification waits for the end of a pass, with a bar on a terminal.
func followVerification(ctx context.Context, cmd *cobra.Command, d *desk, id int64) (postgres.Verification, error) {
	var bar *mpb.Bar
	if isTerminal(cmd.ErrOrStderr()) && !wantsJSON(cmd) {
		progress := mpb.New(mpb.WithOutput(cmd.ErrOrStderr()), mpb.WithWidth(40))
		defer progress.Wait()
		bar = progress.AddBar(0, mpb.PrependDecorators(decor.Name("verifying ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d of %d")), mpb.BarRemoveOnComplete())
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		v, err := d.database.Store.Verification(ctx, id)
		if bar != nil {
			bar.SetTotal(v.DomainsTotal+v.ContactsTotal, false)
			bar.SetCurrent(v.DomainsDone + v.Judged())
		}
		if err != nil || v.State == postgres.VerificationDone {
			if bar != nil {
				bar.Abort(true)
			}
			return v, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return v, fmt.Errorf("interrupted; the verification goes on when a node runs: %w", ctx.Err())
		}
	}
}

// barWidth is the length of a whole bar in a terminal.
const barWidth = 40

// printVerification writes the verdicts as bars, and below the reasons.
func printVerification(w io.Writer, v postgres.Verification) {
	whole := v.Judged()
	fmt.Fprintf(w, "Verified %q: %s contacts; %s domains were looked up in %s\n\n", v.ListName, count(whole), count(v.DomainsDone),
		v.FinishedAt.Sub(v.CreatedAt).Round(100*time.Millisecond))
	for _, verdict := range listhygiene.Verdicts() {
		n := v.Counts.Verdicts[string(verdict)]
		fmt.Fprintf(w, "%-14s %s %9s  %7s  %s\n", verdict, shareBar(n, whole, barWidth), count(n), percent(n, whole), verdict.Words())
	}
	if whole == 0 {
		return
	}
	reasons := make([]string, 0, len(v.Counts.Reasons))
	for reason := range v.Counts.Reasons {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		if d := v.Counts.Reasons[b] - v.Counts.Reasons[a]; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	fmt.Fprintln(w)
	t := newTable("reason", "", "contacts")
	for _, reason := range reasons {
		t.row(reason, listhygiene.Reason(reason).Words(), count(v.Counts.Reasons[reason]))
	}
	t.print(w)
	if v.Counts.Mendable > 0 {
		fmt.Fprintf(w, "\nAddresses that look mistyped: %s. The list's page can mend them.\n", count(v.Counts.Mendable))
	}
}

// shareBar draws a part of a whole. What exists is visible, be it ever so small.
func shareBar(part, whole int64, width int) string {
	filled := 0
	if whole > 0 && part > 0 {
		filled = max(int(part*int64(width)/whole), 1)
	}
	return strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
}

// writeVerdicts writes the verdicts of a list to a file, if one was asked for.
func writeVerdicts(ctx context.Context, d *desk, list int64, name string) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(d.service.WriteVerdicts(ctx, list, 0, file), file.Close())
}
