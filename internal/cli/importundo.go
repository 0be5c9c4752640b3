package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
)

func newImportUndo() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "undo ID",
		Short: "Take an import back, after saying what that does",
		Long: `Take an import back: contacts that only it brought and that were never mailed are deleted, the
memberships that it made are removed, and fields that it changed get their earlier values.
Whoever left stays away, and no suppression is lifted.

It says what it will do and asks; with --yes it does not ask. Off a terminal, and without
--yes, it only says.`,
		Example: `  headway import undo 12
  headway import undo 12 --yes`,
		Args: exactArgs(1, "the number of an import; `headway imports` lists them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is not the number of an import; `headway imports` lists them", args[0])}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error { return undoImport(ctx, cmd, d, id, yes) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}

func undoImport(ctx context.Context, cmd *cobra.Command, d *desk, id int64, yes bool) error {
	plan, err := d.service.UndoPlan(ctx, id)
	if err != nil {
		return err
	}
	if !wantsJSON(cmd) {
		printUndo(cmd.OutOrStdout(), fmt.Sprintf("Undoing import %d will:", id), plan)
	}
	if !yes {
		yes, err = asksYes(cmd)
		if err != nil {
			return err
		}
	}
	if !yes {
		if wantsJSON(cmd) {
			return printJSON(cmd, plan)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "Nothing was changed. Add --yes to do it.")
		return nil
	}
	if err := d.service.UndoImport(ctx, id); err != nil {
		return err
	}
	done, err := workImport(ctx, cmd, d, id)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, done)
	}
	if u := done.Counts.Undone; u != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "Done: %s contacts deleted, %s memberships removed, fields of %s contacts restored.\n",
			count(u.Contacts), count(u.Memberships), count(u.Fields))
	}
	return nil
}

func printUndo(w io.Writer, head string, u postgres.UndoPlan) {
	fmt.Fprintln(w, head)
	fmt.Fprintf(w, "  delete %s contacts that only it brought and that were never mailed\n", count(u.Contacts))
	fmt.Fprintf(w, "  remove %s memberships that it made\n", count(u.Memberships))
	fmt.Fprintf(w, "  restore the fields of %s contacts\n", count(u.Fields))
	if u.KeptContacts+u.KeptMemberships+u.KeptFields > 0 {
		fmt.Fprintf(w, "It keeps %s contacts that were mailed, left, or came in other ways too, %s memberships, and\n"+
			"the fields of %s contacts that were changed again.\n",
			count(u.KeptContacts), count(u.KeptMemberships), count(u.KeptFields))
	}
	fmt.Fprintln(w, "Whoever left stays away, and no suppression is lifted.")
}

// asksYes asks on a terminal; elsewhere nobody is there to answer, and no is the
// answer.
func asksYes(cmd *cobra.Command) (bool, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) || wantsJSON(cmd) {
		return false, nil
	}
	fmt.Fprint(cmd.OutOrStdout(), "Do it? [y/N] ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
