package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke tokens for programs that use the API",
		Args:  oneOfTheCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenRevoke())
	return cmd
}

func newTokenCreate() *cobra.Command {
	var scope string
	cmd := &cobra.Command{
		Use:   "create NAME --scope read|operate",
		Short: "Make a token and show it, this once",
		Long: `Make a token and show it. It is stored as a hash and cannot be shown again.
With the scope read it may look at everything, with operate also change things:
hold providers, pause campaigns.`,
		Example: `  headway token create dashboard --scope read`,
		Args:    exactArgs(1, "a name that says what uses the token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if scope == "" {
				return usageError{fmt.Errorf("--scope is needed: %s or %s", service.ScopeRead, service.ScopeOperate)}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				token, err := d.service.CreateAPIToken(ctx, args[0], scope, me())
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd, map[string]string{"name": args[0], "scope": scope, "token": token})
				}
				fmt.Fprintln(cmd.OutOrStdout(), token)
				fmt.Fprintln(cmd.ErrOrStderr(), "Keep it now: it cannot be shown again. Programs send it as Authorization: Bearer …")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "", "read or operate (required)")
	return cmd
}

// tokenLine is a token as programs read it.
type tokenLine struct {
	Name      string     `json:"name"`
	Scope     string     `json:"scope"`
	Hint      string     `json:"hint"`
	CreatedAt time.Time  `json:"created_at"`
	LastUsed  *time.Time `json:"last_used_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

func newTokenList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all tokens, revoked ones too",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				tokens, err := d.database.Store.APITokens(ctx)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					lines := make([]tokenLine, len(tokens))
					for i, t := range tokens {
						lines[i] = tokenLine{t.Name, t.Scope, t.Hint, t.CreatedAt, t.LastUsed, t.RevokedAt}
					}
					return printJSON(cmd, lines)
				}
				if len(tokens) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "There is no token yet: headway token create NAME --scope read")
					return nil
				}
				t := newTable("name", "scope", "ends in", "created", "last used", "state").leftAlign(2, 3, 4, 5)
				for _, k := range tokens {
					used, state := "never", "in force"
					if k.LastUsed != nil {
						used = k.LastUsed.UTC().Format("2 Jan 2006 15:04")
					}
					if k.RevokedAt != nil {
						state = "revoked " + k.RevokedAt.UTC().Format("2 Jan 2006 15:04")
					}
					t.row(k.Name, k.Scope, k.Hint, k.CreatedAt.UTC().Format("2 Jan 2006 15:04"), used, state)
				}
				t.print(cmd.OutOrStdout())
				return nil
			})
		},
	}
}

func newTokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "End a token at once and for good",
		Example: `  headway token revoke dashboard`,
		Args:    exactArgs(1, "the name of a token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				if err := d.service.RevokeAPIToken(ctx, args[0], me()); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "The token %s is revoked.\n", args[0])
				return nil
			})
		},
	}
}
