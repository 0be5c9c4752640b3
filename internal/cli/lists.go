package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newLists() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lists",
		Short: "Show the lists of contacts, and make, rename or delete one",
		Example: `  headway lists
  headway lists --json`,
		Args: oneOfTheCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return atDesk(cmd, showLists(cmd)) },
	}
	cmd.AddCommand(newListsCreate(), newListsRename(), newListsDelete())
	return cmd
}

func showLists(cmd *cobra.Command) func(context.Context, *desk) error {
	return func(ctx context.Context, d *desk) error {
		lists, err := d.database.Store.Lists(ctx)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, lists)
		}
		t := newTable("list", "since", "members", "subscribed")
		for _, l := range lists {
			t.row(l.Name, l.CreatedAt.Format(time.DateOnly), count(l.Members), count(l.Subscribed))
		}
		t.print(cmd.OutOrStdout())
		return nil
	}
}

func newListsCreate() *cobra.Command {
	return &cobra.Command{
		Use:     "create NAME",
		Short:   "Make an empty list",
		Example: `  headway lists create "Autumn fair"`,
		Args:    exactArgs(1, "one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.say(cmd, d.service.CreateList(ctx, args[0]), fmt.Sprintf("The list %q is there.", args[0]))
			})
		},
	}
}

func newListsRename() *cobra.Command {
	return &cobra.Command{
		Use:     "rename NAME NEWNAME",
		Short:   "Give a list another name",
		Example: `  headway lists rename Autumn "Autumn fair"`,
		Args:    exactArgs(2, "the name of a list and its new name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.say(cmd, d.service.RenameList(ctx, args[0], args[1]), fmt.Sprintf("%q is called %q now.", args[0], args[1]))
			})
		},
	}
}

func newListsDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a list without members",
		Example: `  headway lists delete "Autumn fair"`,
		Args:    exactArgs(1, "one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.say(cmd, d.service.DeleteList(ctx, args[0]), fmt.Sprintf("The list %q is deleted.", args[0]))
			})
		},
	}
}

// say tells that something is done, unless it failed.
func (d *desk) say(cmd *cobra.Command, err error, words string) error {
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, map[string]string{"done": words})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), words)
	return err
}
