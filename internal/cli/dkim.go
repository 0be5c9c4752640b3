package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/dkim"
)

func newDKIM() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dkim",
		Short: "Make signing keys and show the DNS records that publish them",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDKIMGenerate(), newDKIMList())
	return cmd
}

func newDKIMGenerate() *cobra.Command {
	var (
		selector string
		second   bool
	)
	cmd := &cobra.Command{
		Use:   "generate DOMAIN",
		Short: "Make a 2048-bit RSA key for a sending domain and print its DNS record",
		Example: `  headway dkim generate example.com
  headway dkim generate example.com --selector autumn
  headway dkim generate example.com --second`,
		Args: exactArgs(1, "one domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				generate := d.service.GenerateDKIM
				if second {
					generate = d.service.GenerateSecondDKIM
				}
				record, err := generate(ctx, args[0], selector)
				if err != nil {
					return err
				}
				return printRecords(cmd, []dkim.Record{record})
			})
		},
	}
	cmd.Flags().StringVar(&selector, "selector", "", "name of the key in DNS (default: hw and the month)")
	cmd.Flags().BoolVar(&second, "second", false, "make a second key (Ed25519) that signs beside the RSA key")
	return cmd
}

func newDKIMList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the DNS records of all signing keys",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				records, err := d.service.DKIMRecords(ctx)
				if err != nil {
					return err
				}
				return printRecords(cmd, records)
			})
		},
	}
}

func printRecords(cmd *cobra.Command, records []dkim.Record) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, records)
	}
	w := cmd.OutOrStdout()
	if len(records) == 0 {
		fmt.Fprintln(w, "There is no signing key yet. Make one: headway dkim generate example.com")
	}
	for _, r := range records {
		printRecord(w, r)
	}
	return nil
}

func printRecord(w io.Writer, r dkim.Record) {
	fmt.Fprintf(w, "Publish this TXT record:\n\n  name   %s\n  value  %s\n\nAs a line of a zone file:\n\n%s\n\n", r.Name, r.Value, r.ZoneLine())
}
