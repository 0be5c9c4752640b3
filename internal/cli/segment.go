package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/listhygiene/segment"
)

func newSegment() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "segment",
		Short: "Saved filters of contacts: make, list, show, delete",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSegmentCreate(), newSegmentList(), newSegmentShow(), newSegmentDelete())
	return cmd
}

func newSegmentCreate() *cobra.Command {
	var (
		where []string
		any   bool
		rules string
	)
	cmd := &cobra.Command{
		Use:   "create NAME --where 'SUBJECT OP [VALUE]'",
		Short: "Make a segment of conditions, or of a file of JSON rules",
		Long: `Make a segment. A condition is SUBJECT OP [VALUE]; the subject is field:NAME, status, verdict,
list, domain, provider, received (the number of a campaign), delivered, clicked, opened or
known; the operator is is, is_not, contains, begins, filled or empty, and within or not_within
a number of days.`,
		Example: `  headway segment create Oslo --where "field:city is Oslo" --where "delivered within 90"
  headway segment create Sleepers --rules sleepers.json`,
		Args: exactArgs(1, "one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := readSegment(where, any, rules)
			if err != nil {
				return usageError{err}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				_, err := d.service.SaveSegment(ctx, 0, args[0], rule)
				return d.say(cmd, err, fmt.Sprintf("The segment %q is there: %s.", args[0], rule.Words()))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&where, "where", nil, "condition; may be given several times")
	flags.BoolVar(&any, "any", false, "any of the conditions is enough")
	flags.StringVar(&rules, "rules", "", "file with the rules as JSON, as segment show --json prints them")
	return cmd
}

func readSegment(where []string, any bool, file string) (segment.Segment, error) {
	var rule segment.Segment
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return rule, err
		}
		if err := json.Unmarshal(text, &rule); err != nil {
			return rule, fmt.Errorf("%s: %w", file, err)
		}
		return rule, rule.Check()
	}
	rule.Match = segment.All
	if any {
		rule.Match = segment.Any
	}
	for _, text := range where {
		words := strings.SplitN(strings.TrimSpace(text), " ", 3)
		if len(words) < 2 {
			return rule, fmt.Errorf("--where %q: write SUBJECT OP VALUE, such as \"field:city is Oslo\"", text)
		}
		subject, name, _ := strings.Cut(words[0], ":")
		c := segment.Condition{Subject: segment.Subject(subject), Name: name, Op: segment.Operator(words[1])}
		if len(words) == 3 {
			c.Value = words[2]
		}
		rule.Conditions = append(rule.Conditions, c)
	}
	return rule, rule.Check()
}

func newSegmentList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the segments",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				segments, err := d.database.Store.Segments(ctx)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, segments)
				}
				t := newTable("segment", "contacts", "counted", "asks").leftAlign(2, 3)
				for _, g := range segments {
					contacts, counted := "–", "not yet"
					if !g.CountedAt.IsZero() {
						contacts, counted = count(g.Count), g.CountedAt.Format(time.DateTime)
					}
					t.row(g.Name, contacts, counted, g.Rule.Words())
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
}

func newSegmentShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a segment and count it",
		Example: `  headway segment show Oslo --json`,
		Args:    exactArgs(1, "one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				id, err := d.database.Store.SegmentNamed(ctx, args[0])
				if err != nil {
					return err
				}
				g, err := d.database.Store.Segment(ctx, id)
				if err != nil {
					return err
				}
				n, _, err := d.service.CountSegment(ctx, g)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, g.Rule)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n%s contacts\n", g.Name, g.Rule.Words(), count(n))
				return nil
			})
		},
	}
}

func newSegmentDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a segment that no campaign names",
		Example: `  headway segment delete Oslo`,
		Args:    exactArgs(1, "one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				id, err := d.database.Store.SegmentNamed(ctx, args[0])
				if err == nil {
					err = d.database.Store.DeleteSegment(ctx, id)
				}
				return d.say(cmd, err, fmt.Sprintf("The segment %q is gone.", args[0]))
			})
		},
	}
}
