package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

func newUser() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Let people in to the pages, and say what each may do",
		Long: `Let people in to the pages. An owner may do everything, an editor works on campaigns,
lists and paces, an analyst looks. As soon as one person is entered, the pages ask for a login.`,
		Args: oneOfTheCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUserAdd(), newUserList(), newUserRole(), newUserReset(),
		newUserChange("disable", "End a person's access at once", func(s *service.Service) userChange { return s.DisableUser }),
		newUserChange("enable", "Give a person's access back", func(s *service.Service) userChange { return s.EnableUser }))
	return cmd
}

func newUserAdd() *cobra.Command {
	var name, role string
	cmd := &cobra.Command{
		Use:     "add ADDRESS",
		Short:   "Enter a person and print the link by which they choose a password",
		Example: `  headway user add ann@example.com --name Ann --role owner`,
		Args:    exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := auth.ParseRole(role)
			if err != nil {
				return usageError{fmt.Errorf("--role: %w", err)}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				secret, err := d.service.Invite(ctx, service.NewUser{Address: args[0], Name: name, Role: chosen}, me())
				if err != nil {
					return err
				}
				return printLink(cmd, d, args[0], secret)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call them (default: the address up to the @)")
	cmd.Flags().StringVar(&role, "role", string(auth.Owner), "owner, editor or analyst")
	return cmd
}

func newUserReset() *cobra.Command {
	return &cobra.Command{
		Use:     "reset ADDRESS",
		Short:   "Print a link by which a person chooses a new password",
		Example: `  headway user reset ann@example.com`,
		Args:    exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				secret, err := d.service.ResetPassword(ctx, args[0], me())
				if err != nil {
					return err
				}
				return printLink(cmd, d, args[0], secret)
			})
		},
	}
}

// printLink prints where a person chooses a password.
func printLink(cmd *cobra.Command, d *desk, address, secret string) error {
	link := "http://" + d.service.Config.Web.Listen + "/join/" + secret
	if wantsJSON(cmd) {
		return printJSON(cmd, map[string]string{"address": address, "link": link})
	}
	fmt.Fprintln(cmd.OutOrStdout(), link)
	fmt.Fprintf(cmd.ErrOrStderr(), "Hand it to %s; it is shown this once. Where the pages have another name, put that in place of %s.\n",
		strings.TrimSpace(address), d.service.Config.Web.Listen)
	return nil
}

// userLine is a person as programs read it.
type userLine struct {
	Address   string     `json:"address"`
	Name      string     `json:"name"`
	Role      auth.Role  `json:"role"`
	Invited   bool       `json:"invited"` // no password was chosen yet
	CreatedAt time.Time  `json:"created_at"`
	LastLogin *time.Time `json:"last_login_at,omitempty"`
	Disabled  *time.Time `json:"disabled_at,omitempty"`
}

func newUserList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the people who may log in, and those who may no more",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				users, err := d.database.Store.Users(ctx)
				if err != nil {
					return err
				}
				return printUsers(cmd, users)
			})
		},
	}
}

func printUsers(cmd *cobra.Command, users []postgres.User) error {
	if wantsJSON(cmd) {
		lines := make([]userLine, len(users))
		for i, u := range users {
			lines[i] = userLine{u.Address, u.Name, u.Role, u.Password == "", u.CreatedAt, u.LastLogin, u.Disabled}
		}
		return printJSON(cmd, lines)
	}
	w := cmd.OutOrStdout()
	if len(users) == 0 {
		fmt.Fprintln(w, "Nobody is entered yet, so the pages ask for no login. The first owner: headway user add ann@example.com")
	}
	for _, u := range users {
		state := ""
		switch {
		case u.Disabled != nil:
			state = "  locked out"
		case u.Password == "":
			state = "  invited"
		}
		fmt.Fprintf(w, "%-8s  %s  (%s)%s\n", u.Role, u.Address, u.Name, state)
	}
	return nil
}

func newUserRole() *cobra.Command {
	return &cobra.Command{
		Use:     "role ADDRESS ROLE",
		Short:   "Change what a person may do",
		Example: `  headway user role ann@example.com editor`,
		Args:    exactArgs(2, "an address and a role"),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := auth.ParseRole(args[1])
			if err != nil {
				return usageError{err}
			}
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return d.service.ChangeRole(ctx, args[0], role, me())
			})
		},
	}
}

type userChange = func(ctx context.Context, address string, by service.Actor) error

func newUserChange(verb, short string, change func(*service.Service) userChange) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " ADDRESS",
		Short: short,
		Args:  exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, func(ctx context.Context, d *desk) error {
				return change(d.service)(ctx, args[0], me())
			})
		},
	}
}
