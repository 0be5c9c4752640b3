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
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

type importOptions struct {
	list    string
	mapping map[string]string
	status  string
	rejects string
}

func newImport() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE --list NAME",
		Short: "Import contacts from a CSV, TSV or text file into a list",
		Long: `Import contacts from a CSV, TSV or text file into a list, which is made when it does not
exist. Encoding, delimiter and heading are found; columns are matched by name and content.
Rows that cannot be mailed are refused one by one, with the reason. Someone who left
before stays away.`,
		Example: `  headway import contacts.csv --list "Newsletter"
  headway import export.csv --list Customers --map email="Mail 2" --rejects mend.csv`,
		Args: exactArgs(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd, args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.list, "list", "", "name of the list (required)")
	flags.StringToStringVar(&o.mapping, "map", nil, `take a field from a column: field="Heading"`)
	flags.StringVar(&o.status, "status", "", "of all rows: subscribe (default), unconfirmed, or suppress")
	flags.StringVar(&o.rejects, "rejects", "", "write the refused rows to this CSV file, to be mended and imported again")
	return cmd
}

func runImport(cmd *cobra.Command, name string, o importOptions) error {
	if o.list == "" {
		return usageError{errors.New("--list is needed: the name of the list that the contacts join")}
	}
	switch status := intake.Status(o.status); status {
	case "", intake.Subscribe, intake.Unconfirmed, intake.SuppressOnly:
	default:
		return usageError{fmt.Errorf("--status %q is not subscribe, unconfirmed or suppress", o.status)}
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		id, err := d.service.Import(ctx, service.Upload{FileName: filepath.Base(name), Content: file, List: o.list,
			Map: o.mapping, Status: intake.Status(o.status)})
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
		if wantsJSON(cmd) {
			return printJSON(cmd, done)
		}
		printImport(cmd.OutOrStdout(), done)
		printImportVerdicts(cmd.OutOrStdout(), verified)
		return nil
	})
}

// followImport waits for the end of an import, with a bar on a terminal.
func followImport(ctx context.Context, cmd *cobra.Command, d *desk, id int64) (postgres.Import, error) {
	var bar *mpb.Bar
	if isTerminal(cmd.ErrOrStderr()) && !wantsJSON(cmd) {
		progress := mpb.New(mpb.WithOutput(cmd.ErrOrStderr()), mpb.WithWidth(40))
		defer progress.Wait()
		bar = progress.AddSpinner(0, mpb.PrependDecorators(decor.Name("importing ")),
			mpb.AppendDecorators(decor.CurrentNoUnit("%d rows")), mpb.BarRemoveOnComplete())
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		i, err := d.database.Store.Import(ctx, id)
		if bar != nil {
			bar.SetCurrent(i.Counts.Rows)
		}
		if err != nil || service.Done(i) {
			if bar != nil {
				bar.Abort(true)
			}
			return i, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return i, fmt.Errorf("interrupted; import %d goes on when a node runs: %w", id, ctx.Err())
		}
	}
}

func printImport(w io.Writer, i postgres.Import) {
	c := i.Counts
	fmt.Fprintf(w, "Imported %s into %q: %d rows\n", i.FileName, i.ListName, c.Rows)
	line := func(words string, n int64) {
		if n > 0 {
			fmt.Fprintf(w, "  %8d  %s\n", n, words)
		}
	}
	line("new contacts", c.New)
	line("known contacts with new details", c.Updated)
	line("known contacts, unchanged", c.Unchanged)
	line("again further down in the file", c.Duplicate)
	line("marked in the file as not to be mailed", c.SuppressOnly)
	line("refused:", c.Refused())
	for _, code := range slices.Sorted(maps.Keys(c.Invalid)) {
		fmt.Fprintf(w, "  %8s  %6d  %s\n", "", c.Invalid[code], intake.Code(code).Words())
	}
	if c.Suppressed > 0 {
		fmt.Fprintf(w, "%d of them must not be mailed and will be left out.\n", c.Suppressed)
	}
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
