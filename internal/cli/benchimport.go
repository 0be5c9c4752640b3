package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/bench"
)

func newBenchImport() *cobra.Command {
	var rows int
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Measure how fast contacts are imported, beside a bare COPY of the same bytes",
		Long: `Import a made-up file of five columns twice into an empty database of its own, and measure
rows per second and the peak of the heap (what follows an import, the verification of its
contacts, is waited for and not measured); beside it, in the same run, a bare COPY of the same
bytes into a table with one unique index, and upserts of contacts and memberships one by one
into the same schema, 10,000 a transaction.`,
		Example: `  headway bench import
  headway bench import --rows 100000 --json`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := demoSettings(cmd)
			if err != nil {
				return err
			}
			c.Sandbox.Enabled = true // names under .test are mailboxes here
			log, err := logger(cmd, c)
			if err != nil {
				return err
			}
			result, err := bench.Import(cmd.Context(), bench.ImportOptions{Rows: rows, Config: c, Log: log, Out: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, result)
			}
			printBenchImport(cmd.OutOrStdout(), result)
			return nil
		},
	}
	cmd.Flags().IntVar(&rows, "rows", 1_000_000, "how many contacts")
	return cmd
}

func printBenchImport(w io.Writer, r bench.ImportResult) {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	rate := func(d time.Duration) string { return count(int64(float64(r.Rows)/d.Seconds())) + " rows/s" }
	fmt.Fprintf(w, "%s rows, %.0f MB\n", count(int64(r.Rows)), float64(r.Bytes)/1e6)
	t := newTable("", "", "time", "rate", "beside the import")
	t.row("import", "upload to merged contacts", seconds(r.First), rate(r.First), "1.00")
	t.row("again", "the same file", seconds(r.Again), rate(r.Again), fmt.Sprintf("%.2f", r.First.Seconds()/r.Again.Seconds()))
	t.row("copy", "bare, one unique index", seconds(r.Copy), rate(r.Copy), fmt.Sprintf("%.2f", 1/r.CopyRatio()))
	t.row("upsert", "one by one, 10,000 a commit", seconds(r.Upsert), rate(r.Upsert), fmt.Sprintf("%.2f", 1/r.UpsertRatio()))
	t.print(w)
	fmt.Fprintf(w, "The import is %.2f of a bare copy and %.1f times as fast as upserts. First progress after %.2f s,\nat most %.0f MB of heap.\n",
		r.CopyRatio(), r.UpsertRatio(), r.FirstProgress.Seconds(), float64(r.PeakHeap)/1e6)
}
