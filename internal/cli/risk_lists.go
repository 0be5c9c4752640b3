package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/risk"
)

func newRiskLists() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "risk-lists",
		Short: "Show or load the public lists of disposable domains, free-mail domains and role names",
		Long: `Verification compares addresses with lists of disposable domains, of domains that offer
mailboxes to anyone, and of role names. Small ones come with the program; public ones
can be loaded and are then shared by all nodes. (The lists of contacts are another thing.)`,
		Args: exactArgs(0, "no arguments"),
		RunE: runRiskLists,
	}
	cmd.AddCommand(newRiskListsUpdate())
	return cmd
}

func runRiskLists(cmd *cobra.Command, _ []string) error {
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		lists, err := d.database.Store.RiskListsLoaded(ctx)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, lists)
		}
		t := newTable("list", "source", "entries", "loaded").leftAlign(3)
		for _, kind := range risk.Kinds() {
			source, entries, loaded := "comes with the program", "", ""
			for _, l := range lists {
				if l.Kind == string(kind) {
					source, entries, loaded = l.Source, count(int64(l.Entries)), l.LoadedAt.UTC().Format("2 Jan 2006 15:04")
				}
			}
			t.row(string(kind), source, entries, loaded)
		}
		t.print(cmd.OutOrStdout())
		return nil
	})
}

func newRiskListsUpdate() *cobra.Command {
	var kind string
	var private bool
	cmd := &cobra.Command{
		Use:   "update URL|FILE --kind KIND",
		Short: "Load a public list, in the place of the one before",
		Long: `Load a public list: one domain (or role name) a line, with comments after #. It takes the
place of the one before only when it could be read as a whole. A URL that leads to
a private address is refused unless --allow-private is given.`,
		Example: `  headway risk-lists update disposable_email_blocklist.conf --kind disposable
  headway risk-lists update https://lists.example.com/free.txt --kind free`,
		Args: exactArgs(1, "one URL or file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				l, err := d.service.UpdateRiskList(ctx, service.RiskListUpdate{Kind: risk.Kind(kind), Source: args[0], AllowPrivate: private})
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, l)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Loaded %s entries as the %s list, version %d. The next verifications use it.\n",
					count(int64(l.Entries)), l.Kind, l.Version)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "disposable", "disposable, free or role")
	cmd.Flags().BoolVar(&private, "allow-private", false, "let the URL lead to loopback and private addresses")
	return cmd
}
