package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/config"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and check settings",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:     "example",
			Short:   "Print a settings file with every setting, its meaning and its default",
			Example: "  headway config example > headway.toml",
			Args:    exactArgs(0, "no arguments"),
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := fmt.Fprint(cmd.OutOrStdout(), config.Example())
				return err
			},
		},
		&cobra.Command{
			Use:   "check",
			Short: "Read the settings from file, environment and flags, and say what is wrong",
			Args:  exactArgs(0, "no arguments"),
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := settings(cmd)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					c.SecretKey, c.Web.Password = hidden(c.SecretKey), hidden(c.Web.Password)
					c.Database.URL = hidden(c.Database.URL)
					return printJSON(cmd, c)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "The settings can be used. Data folder: %s\n", c.Data)
				return nil
			},
		},
	)
	return cmd
}

// hidden stands for a secret that is set.
func hidden(secret string) string {
	if secret == "" {
		return ""
	}
	return "(set)"
}
