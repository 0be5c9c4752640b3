package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

func newContact() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contact",
		Short: "Show what is known of a person, or forget it",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newContactShow(), newContactErase())
	return cmd
}

func newContactShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ADDRESS",
		Short:   "Show a contact: fields, status, verdict, lists, suppressions, and what was sent",
		Example: `  headway contact show ana@example.com`,
		Args:    exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				person, err := d.service.Contact(ctx, args[0])
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, person)
				}
				printPerson(cmd.OutOrStdout(), person)
				return nil
			})
		},
	}
}

func printPerson(w io.Writer, p postgres.Person) {
	fmt.Fprintf(w, "%s\n", p.Address)
	fmt.Fprintf(w, "  status    %s since %s\n", p.Status, p.StatusSince.Format(time.DateOnly))
	verdict := []string{listhygiene.Verdict(p.Verdict).Words()}
	for _, reason := range p.Reasons {
		verdict = append(verdict, listhygiene.Reason(reason).Words())
	}
	fmt.Fprintf(w, "  verdict   %s: %s\n", p.Verdict, strings.Join(verdict, "; "))
	if p.Provider != "" {
		fmt.Fprintf(w, "  provider  %s\n", p.Provider)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		fmt.Fprintf(w, "  field     %s: %s\n", name, p.Fields[name])
	}
	for _, m := range p.Lists {
		origin := ""
		if m.Import != 0 {
			origin = fmt.Sprintf(", by import %d (%s)", m.Import, m.FileName)
		}
		if m.Stated != "" {
			origin += ", consent: " + m.Stated
		}
		if m.Consent != nil {
			origin += " " + string(m.Consent)
		}
		fmt.Fprintf(w, "  list      %s: %s since %s%s\n", m.List, m.Status, m.Since.Format(time.DateOnly), origin)
	}
	for _, e := range p.Suppressions {
		if e.Reason == string(postgres.Paused) && e.ExpiresAt != nil {
			words := "until"
			if !e.ExpiresAt.After(time.Now()) {
				words = "over since"
			}
			fmt.Fprintf(w, "  paused    %s %s, by their own wish of %s\n", words, e.ExpiresAt.Format(time.DateOnly), e.CreatedAt.Format(time.DateOnly))
			continue
		}
		fmt.Fprintf(w, "  barred    %s\n", strings.TrimRight(strings.Join(suppressionCells(e), ", "), ", "))
	}
	for _, e := range p.Timeline {
		fmt.Fprintf(w, "  %s  %-10s %s  %s\n", e.At.Format("2006-01-02 15:04:05"), e.What, e.Campaign, strings.Join(strings.Fields(e.Reply), " "))
	}
}

func newContactErase() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase ADDRESS",
		Short: "Forget a person for good; an import does not bring them back",
		Long: `Forget a person: the contact with all fields, memberships, suppressions and refused rows is
deleted, and what has not been sent yet is not sent. A keyed hash of the address is kept, so
that no import brings the person back. This cannot be taken back.`,
		Example: `  headway contact erase ana@example.com --yes`,
		Args:    exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				fmt.Fprintf(cmd.OutOrStdout(), "%s will be forgotten for good.\n", args[0])
				answer, err := asksYes(cmd)
				if err != nil {
					return err
				}
				if !answer {
					return usageError{fmt.Errorf("nothing was changed; add --yes to do it")}
				}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				known, err := d.service.Erase(ctx, args[0])
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, map[string]bool{"erased": true, "known": known})
				}
				words := "is forgotten"
				if !known {
					words = "was not known; no import will bring it in"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s.\n", args[0], words)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}
