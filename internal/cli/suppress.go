package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
)

func newSuppress() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "suppress",
		Short: "Keep addresses and domains from being mailed",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSuppressAdd(), newSuppressRemove(), newSuppressList(), newSuppressImport(), newSuppressExport())
	return cmd
}

// suppressFlags are what every entry may say.
type suppressFlags struct {
	list, reason, note, until string
}

func (f *suppressFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.list, "list", "", "only for this list (default: everywhere)")
	flags.StringVar(&f.reason, "reason", "", "manual (default), unsubscribed, complained, bounced or imported_suppression")
	flags.StringVar(&f.note, "note", "", "why, for others to read")
	flags.StringVar(&f.until, "until", "", "last for a time only: a day such as 2026-12-31, or 90d")
}

func (f *suppressFlags) wish() (service.Suppressing, error) {
	w := service.Suppressing{List: f.list, Reason: listhygiene.SuppressionReason(f.reason), Note: f.note, By: "command line"}
	if f.until == "" {
		return w, nil
	}
	var days int
	if n, err := fmt.Sscanf(f.until, "%dd", &days); n == 1 && err == nil && days > 0 {
		w.Expires = time.Now().AddDate(0, 0, days)
		return w, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, f.until, time.Local)
	if err != nil {
		return w, usageError{fmt.Errorf("--until %q is neither a day such as 2026-12-31 nor a number of days such as 90d", f.until)}
	}
	w.Expires = day.AddDate(0, 0, 1)
	return w, nil
}

func newSuppressAdd() *cobra.Command {
	var f suppressFlags
	cmd := &cobra.Command{
		Use:   "add ADDRESS|DOMAIN",
		Short: "Suppress an address or a whole domain",
		Example: `  headway suppress add ana@example.com --note "asked by phone"
  headway suppress add example.org --until 90d --list Newsletter`,
		Args: exactArgs(1, "an address or a domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wish, err := f.wish()
			if err != nil {
				return err
			}
			wish.What = args[0]
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				added, err := d.service.Suppress(ctx, wish)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, map[string]bool{"added": added})
				}
				words := "is suppressed"
				if !added {
					words = "was suppressed already"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s.\n", args[0], words)
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newSuppressRemove() *cobra.Command {
	var l service.Lifting
	cmd := &cobra.Command{
		Use:   "remove ADDRESS|DOMAIN --note WHY",
		Short: "Lift a suppression, with a written reason; a complaint is never lifted",
		Example: `  headway suppress remove ana@example.com --note "signed up again on 3 November"
  headway suppress remove ana@example.com --list Newsletter --note "by mistake"`,
		Args: exactArgs(1, "an address or a domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(l.Note) == "" {
				return usageError{errors.New("--note is needed: why this may be mailed again")}
			}
			l.What, l.By = args[0], "command line"
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				if err := d.service.Lift(ctx, l); err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, map[string]bool{"lifted": true})
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is not suppressed any more.\n", args[0])
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&l.List, "list", "", "what holds for this list (default: what holds everywhere)")
	cmd.Flags().StringVar(&l.Note, "note", "", "why (required)")
	return cmd
}

func newSuppressList() *cobra.Command {
	var f postgres.SuppressionFilter
	cmd := &cobra.Command{
		Use:   "list [TEXT]",
		Short: "List suppressions, or those whose address or domain contains a text",
		Example: `  headway suppress list
  headway suppress list example.org --reason bounced --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.Text = strings.ToLower(args[0])
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				entries, err := d.database.Store.Suppressions(ctx, f)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, entries)
				}
				t := newTable("address or domain", "reason", "scope", "since", "until", "note").leftAlign(2, 3, 4, 5)
				for _, e := range entries {
					t.row(suppressionCells(e)...)
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&f.Reason, "reason", "", "only those of a reason")
	cmd.Flags().StringVar(&f.List, "list", "", "only those of a list")
	cmd.Flags().Int64Var(&f.After, "after", 0, "only those after the one with this id, for the next page")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "how many")
	return cmd
}

func suppressionCells(e postgres.SuppressionEntry) []string {
	scope, until := "everywhere", "for good"
	if e.List != "" {
		scope = e.List
	}
	if e.ExpiresAt != nil {
		until = e.ExpiresAt.Format(time.DateOnly)
	}
	return []string{e.Key, e.Reason, scope, e.CreatedAt.Format(time.DateOnly), until, service.NoteOf(e)}
}

func newSuppressImport() *cobra.Command {
	var f suppressFlags
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Suppress every address and domain of a file, or of standard input",
		Long: `Suppress every address and domain of a file, or of standard input: one a line, or CSV with a
heading. Files that "headway suppress export" wrote keep list, reason, expiry and note.`,
		Example: `  headway suppress import left.csv --reason unsubscribed
  headway suppress import - --note "never again"`,
		Args: exactArgs(1, "one file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wish, err := f.wish()
			if err != nil {
				return err
			}
			file := cmd.InOrStdin()
			if args[0] != "-" {
				opened, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer opened.Close() //nolint:errcheck // only read
				file = opened
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				report, err := d.service.ImportSuppressions(ctx, file, wish)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, report)
				}
				printSuppressed(cmd.OutOrStdout(), report)
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

// shownRefusals is how many refused rows are named.
const shownRefusals = 20

func printSuppressed(w io.Writer, r service.SuppressionReport) {
	fmt.Fprintf(w, "%s rows: %s suppressed, %s suppressed already, %s refused\n",
		count(r.Rows), count(r.Added), count(r.Known), count(int64(len(r.Refused))))
	for _, refused := range r.Refused[:min(len(r.Refused), shownRefusals)] {
		fmt.Fprintf(w, "  line %d: %s\n", refused.Line, refused.Problem)
	}
}

func newSuppressExport() *cobra.Command {
	var f postgres.SuppressionFilter
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write all suppressions to standard output as CSV",
		Example: `  headway suppress export > suppressions.csv`,
		Args:    exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.service.ExportSuppressions(ctx, f, cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().StringVar(&f.Reason, "reason", "", "only those of a reason")
	cmd.Flags().StringVar(&f.List, "list", "", "only those of a list")
	return cmd
}
