package cli

import (
	"context"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

func newReplies() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replies",
		Short: "Look after what replies mean: texts that no rule knows, and refusals judged again",
		Args:  exactArgs(0, "one of its subcommands"),
	}
	cmd.AddCommand(newRepliesUnknown(), newRepliesReclassify(), newRepliesInbound())
	return cmd
}

func newRepliesUnknown() *cobra.Command {
	return listOfDays(&cobra.Command{
		Use:   "unknown",
		Short: "List the replies that no rule knows, the most frequent first",
		Long: `List the replies that no rule knows, those that differ only in names and numbers together.
Each is a missing rule: write one into the file that replies.rules names, then run
headway replies reclassify.`,
	}, (*service.Service).UnknownReplies, "Every reply of the last %d days was decided by a rule.\n", func(w io.Writer, u service.UnknownReply) {
		fmt.Fprintf(w, "%6s × %s, at %s, last %s\n         %s\n", count(int64(u.Times)), u.Provider, u.Phase,
			u.Last.Local().Format("2 Jan 15:04"), short(u.Example, 240))
	})
}

func newRepliesReclassify() *cobra.Command {
	days, dryRun := 7, false
	cmd := &cobra.Command{
		Use:   "reclassify",
		Short: "Judge the refusals of the last days again by the rules of today",
		Long: `Judge the refusals of the last days again by the rules of today, those of replies.rules
first. A job then corrects what follows from them: suppressions are lifted or written, and
deliveries of campaigns that still send are tried again where the refusal may pass. With
--dry-run nothing is changed.`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				sum, err := d.service.Reclassify(ctx, since(days), dryRun)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, sum)
				}
				w := cmd.OutOrStdout()
				fmt.Fprintf(w, "%s refusals were looked at, %s mean something else now.\n", count(int64(sum.Looked)), count(int64(sum.Changed)))
				changes := make([]string, 0, len(sum.From))
				for change := range sum.From {
					changes = append(changes, change)
				}
				sort.Strings(changes)
				for _, change := range changes {
					fmt.Fprintf(w, "%8s  %s\n", count(int64(sum.From[change])), change)
				}
				fmt.Fprintf(w, "Suppressions lifted: %s, written: %s. Messages tried again: %s.\n", count(int64(sum.Lifted)),
					count(int64(sum.Suppressed)), count(int64(sum.SentAgain)))
				switch {
				case dryRun:
					fmt.Fprintln(w, "Nothing was changed. Run it without --dry-run to do it.")
				case sum.Changed > 0:
					fmt.Fprintln(w, "A job does it now, on a node with the role bulk.")
				}
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&days, "days", days, "how far back")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be changed")
	return cmd
}

func newRepliesInbound() *cobra.Command {
	return listOfDays(&cobra.Command{
		Use:   "inbound",
		Short: "Count the mails that came back, by what they were",
	}, (*service.Service).Inbound, "No mail came back in the last %d days.\n", func(w io.Writer, c postgres.InboundCount) {
		fmt.Fprintf(w, "%8s  %-12s %-22s last %s\n", count(c.Mails), c.Kind, c.Class, c.Last.Local().Format("2 Jan 15:04"))
	})
}

// listOfDays completes a command that lists what the service finds in the last
// days: line by line, or that there is none of it.
func listOfDays[T any](cmd *cobra.Command, find func(*service.Service, context.Context, time.Time) ([]T, error),
	none string, print func(io.Writer, T)) *cobra.Command {
	days := 7
	cmd.Flags().IntVar(&days, "days", days, "how far back")
	cmd.Args = exactArgs(0, "no arguments")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return atDesk(cmd, func(ctx context.Context, d *desk) error {
			list, err := find(d.service, ctx, since(days))
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, list)
			}
			if len(list) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), none, days)
			}
			for _, one := range list {
				print(cmd.OutOrStdout(), one)
			}
			return nil
		})
	}
	return cmd
}

func since(days int) time.Time { return time.Now().AddDate(0, 0, -days) }
