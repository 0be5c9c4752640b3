package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
)

type importOptions struct {
	list    string
	mapping map[string]string
	status  string
	known   string
	consent string
	dryRun  bool
	rejects string

	encoding string
}

func newImport() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE --list NAME",
		Short: "Import contacts from a file into a list",
		Long: `Import contacts from a file into a list, which is made when it does not exist. The file may be
CSV, TSV or text, compressed by gzip or zip, or an Excel workbook (.xlsx). Encoding, delimiter
and heading are found; columns are matched by name and content. Rows that cannot be mailed are
refused one by one, with the reason. Someone who left before stays away.

With --dry-run nothing is imported, and the report says what would be.`,
		Example: `  headway import contacts.csv --list "Newsletter" --consent "Sign-up form on example.com"
  headway import contacts.csv --list "Newsletter" --dry-run
  headway import export.xlsx --list Customers --map email="Mail 2" --rejects mend.csv
  headway import undo 12`,
		Args: exactArgs(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd, args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.list, "list", "", "name of the list (required)")
	flags.StringToStringVar(&o.mapping, "map", nil, `take a field from a column: field="Heading"`)
	flags.StringVar(&o.status, "status", "", "of all rows: subscribe (default), unconfirmed, or suppress")
	flags.StringVar(&o.known, "known", "", "fields of contacts that are known: overwrite (default), fill, or skip")
	flags.StringVar(&o.consent, "consent", "", "how these people agreed to get mail; kept as evidence")
	flags.StringVar(&o.encoding, "encoding", "", "of the text, where the guess is wrong: utf-8, windows-1250, windows-1251, iso-8859-2, koi8-r, shift_jis, gb18030, euc-kr, …")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only say what would be imported")
	flags.StringVar(&o.rejects, "rejects", "", "write the refused rows to this CSV file, to be mended and imported again")
	cmd.AddCommand(newImportUndo())
	return cmd
}

func runImport(cmd *cobra.Command, name string, o importOptions) error {
	if o.list == "" {
		return usageError{errors.New("--list is needed: the name of the list that the contacts join")}
	}
	switch intake.Status(o.status) {
	case "", intake.Subscribe, intake.Unconfirmed, intake.SuppressOnly:
	default:
		return usageError{fmt.Errorf("--status %q is not subscribe, unconfirmed or suppress", o.status)}
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		id, err := d.service.Upload(ctx, filepath.Base(name), file, service.ImportOptions{List: o.list, Map: o.mapping,
			Status: intake.Status(o.status), Rule: postgres.MergeRule(o.known), Consent: o.consent, DryRun: o.dryRun, Encoding: o.encoding})
		if err != nil {
			return err
		}
		var done postgres.Import
		var verified postgres.Verification
		err = d.withBulk(ctx, func() error {
			if done, err = followImport(ctx, cmd, d, id); err != nil {
				return err
			}
			verified, err = followImportVerification(ctx, cmd, d, done)
			return err
		})
		if err != nil {
			return err
		}
		if done.State == postgres.ImportFailed {
			return fmt.Errorf("%s was not imported: %s", name, done.Problem)
		}
		if err := writeRejects(ctx, d, done, o.rejects); err != nil {
			return err
		}
		encodings, err := d.service.Encodings(done)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, struct {
				postgres.Import
				Encodings []service.FileEncoding `json:"encodings"`
			}{done, encodings})
		}
		printImport(cmd.OutOrStdout(), done)
		printEncodings(cmd.OutOrStdout(), encodings)
		if done.DryRun {
			printColumns(cmd.OutOrStdout(), encodings)
		}
		printImportVerdicts(cmd.OutOrStdout(), verified)
		return nil
	})
}

// workImport works an import to its end together with whoever else works.
func workImport(ctx context.Context, cmd *cobra.Command, d *desk, id int64) (done postgres.Import, err error) {
	err = d.withBulk(ctx, func() error {
		done, err = followImport(ctx, cmd, d, id)
		return err
	})
	return done, err
}

// followImport waits for the end of an import, with a bar on a terminal.
func followImport(ctx context.Context, cmd *cobra.Command, d *desk, id int64) (postgres.Import, error) {
	show := func(postgres.Import) {}
	if isTerminal(cmd.ErrOrStderr()) && !wantsJSON(cmd) {
		progress := mpb.NewWithContext(ctx, mpb.WithOutput(cmd.ErrOrStderr()), mpb.WithWidth(40))
		defer progress.Wait()
		bar := newImportBar(progress)
		defer bar.Abort(true)
		show = func(i postgres.Import) { bar.SetCurrent(int64(i.Progress() * barUnits)) }
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		i, err := d.database.Store.Import(ctx, id)
		if err != nil || service.Done(i) {
			return i, err
		}
		show(i)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return i, fmt.Errorf("interrupted; import %d goes on when a node runs: %w", id, ctx.Err())
		}
	}
}

// barUnits is how finely a bar moves.
const barUnits = 1000

func newImportBar(progress *mpb.Progress) *mpb.Bar {
	return progress.AddBar(barUnits, mpb.PrependDecorators(decor.Name("importing ")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)), mpb.BarRemoveOnComplete())
}

func printImport(w io.Writer, i postgres.Import) {
	c := i.Counts
	verb := "Imported"
	if i.DryRun {
		verb = "Checked"
	}
	fmt.Fprintf(w, "%s %s for the list %q: %s\n", verb, i.FileName, i.ListName, rowCount(c.Rows))
	line := func(words string, n int64) {
		if n > 0 {
			fmt.Fprintf(w, "  %9s  %s\n", count(n), words)
		}
	}
	line("new contacts", c.New)
	line("known contacts with new details", c.Updated)
	line("known contacts, unchanged", c.Unchanged)
	line("again further down in the file", c.Duplicate)
	line("marked as not to be mailed", c.SuppressOnly)
	line("of people who asked to be forgotten, left out", c.Erased+c.Forgotten)
	line("refused:", c.Refused())
	for _, code := range byCount(c.Invalid) {
		fmt.Fprintf(w, "  %9s  %9s  %s\n", "", count(c.Invalid[code]), intake.Code(code).Words())
	}
	if c.Suppressed > 0 {
		fmt.Fprintf(w, "%s of them must not be mailed and will be left out.\n", count(c.Suppressed))
	}
	if c.SamePerson > 0 {
		fmt.Fprintf(w, "%s new contacts are another spelling of an address that is known.\n", count(c.SamePerson))
	}
	if len(c.Risky) > 0 {
		fmt.Fprintln(w, "Worth a look:")
		for _, code := range byCount(c.Risky) {
			line(listhygiene.Reason(code).Words(), c.Risky[code])
		}
	}
	if c.Mended > 0 {
		fmt.Fprintf(w, "%s rows have letters that are no UTF-8; they were read as Windows-1252.\n", count(c.Mended))
	}
	if c.Trailing > 0 {
		fmt.Fprintf(w, "Behind the end of the compressed file stand %s more bytes, which were passed over; all that it holds was read.\n", count(c.Trailing))
	}
	for _, t := range c.Typos {
		fmt.Fprintf(w, "  line %d: %s – did they mean %s?\n", t.Line, t.Address, t.Suggestion)
	}
	switch {
	case i.DryRun:
		fmt.Fprintln(w, "Nothing was changed. Import the file without --dry-run to do this.")
	case c.New+c.Updated+c.Joined > 0:
		fmt.Fprintf(w, "This is import %d; `headway import undo %[1]d` takes it back.\n", i.ID)
	}
}

// rowCount is a number of rows in words.
func rowCount(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return count(n) + " rows"
}

// printEncodings says how files were read that are not plainly UTF-8.
func printEncodings(w io.Writer, list []service.FileEncoding) {
	guess := false
	for _, f := range list {
		if f.Encoding != intake.UTF8 || f.Guess {
			fmt.Fprintf(w, "%s was read as %s.\n", f.File, f.Words)
		}
		guess = guess || f.Guess
	}
	if guess {
		fmt.Fprintln(w, "If names look wrong, say how the text is stored: --encoding windows-1250, for instance.")
	}
}

// printColumns says what the columns of each file are taken for, so that a wrong
// guess is seen before anything is imported.
func printColumns(w io.Writer, list []service.FileEncoding) {
	for _, f := range list {
		fmt.Fprintf(w, "Columns of %s:\n", f.File)
		for at, c := range f.Columns {
			heading := strconv.Quote(c.Heading)
			if c.Heading == "" {
				heading = fmt.Sprintf("column %d", at+1)
			}
			what := strings.ReplaceAll(string(c.Role), "_", " ")
			switch c.Role {
			case intake.RoleEmail:
				what = "the address"
			case intake.RoleField:
				what = "field " + c.Field
			case intake.RoleIgnore:
				what = "left out"
			case intake.RoleOptOut, intake.RoleLeftAt:
				what = "whether they have left"
			case intake.RoleOptIn:
				what = "whether they may be mailed"
			}
			fmt.Fprintf(w, "  %s: %s\n", heading, what)
		}
	}
}

// byCount returns the reasons, the most frequent first.
func byCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return slices.Compare([]byte(a), []byte(b))
	})
}

// writeRejects writes the refused rows to a file, if one was asked for.
func writeRejects(ctx context.Context, d *desk, i postgres.Import, name string) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(d.service.WriteRejects(ctx, i, file), file.Close())
}
