package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func newImports() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "imports",
		Short: "List the imports, the newest first",
		Example: `  headway imports
  headway imports --limit 100 --json`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				imports, err := d.database.Store.Imports(ctx, limit)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, imports)
				}
				t := newTable("import", "file", "list", "state", "rows", "new", "updated", "refused", "when").leftAlign(2, 3, 8)
				for _, i := range imports {
					state := string(i.State)
					if !i.State.Settled() {
						state = fmt.Sprintf("%s %.0f %%", state, i.Progress()*100)
					}
					t.row(strconv.FormatInt(i.ID, 10), i.FileName, i.ListName, state, count(i.Counts.Rows), count(i.Counts.New),
						count(i.Counts.Updated), count(i.Counts.Refused()), i.CreatedAt.Format("2006-01-02 15:04"))
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}
