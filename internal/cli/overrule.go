package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/api"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// overruleOptions are what all decisions by hand take.
type overruleOptions struct {
	note   string
	source int64
	dryRun bool
}

func (o *overruleOptions) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.note, "note", "", "why, for those who come later")
	flags.Int64Var(&o.source, "source", 0, "number of the only source that is meant (default all)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only say what would follow")
}

func newProvidersHold() *cobra.Command {
	var (
		o          overruleOptions
		span, time string
	)
	cmd := &cobra.Command{
		Use:   "hold PROVIDER --for TIME|--until TIME",
		Short: "Send nothing to a provider until a time",
		Example: `  headway providers hold google --for 2h --note "asked us to wait, ticket 4711"
  headway providers hold google --until 15:20
  headway providers hold google --until "2026-11-24 09:00" --dry-run`,
		Args: exactArgs(1, "the key, name or domain of a provider"),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := endOfHold(span, time)
			if err != nil {
				return usageError{err}
			}
			return runOverrule(cmd, args[0], service.Overrule{Verb: service.Hold, Until: until}, o)
		},
	}
	cmd.Flags().StringVar(&span, "for", "", "how long: 45m, 2h or 3d")
	cmd.Flags().StringVar(&time, "until", "", `when it is over, in UTC: 15:20 or "2026-11-24 09:00"`)
	o.add(cmd)
	return cmd
}

func endOfHold(span, end string) (time.Time, error) {
	switch {
	case span != "" && end != "":
		return time.Time{}, errors.New("--for and --until exclude each other: give one of them")
	case span != "":
		wait, err := service.ParseSpan(span)
		return time.Now().Add(wait), err
	case end != "":
		return service.ParseEnd(end, time.Now())
	}
	return time.Time{}, errors.New("--for or --until is needed: how long nothing is sent, e.g. --for 2h")
}

func newProvidersRelease() *cobra.Command {
	return plainOverrule(&cobra.Command{
		Use:     "release PROVIDER",
		Short:   "End a provider's hold or pause now",
		Example: `  headway providers release google --note "they lifted it"`,
	}, service.Release)
}

func newProvidersCap() *cobra.Command {
	var o overruleOptions
	cmd := &cobra.Command{
		Use:   "cap PROVIDER RATE",
		Short: "Never send faster to a provider than a rate; off lifts the cap",
		Example: `  headway providers cap google 5/s --note "new address, on advice of their postmaster"
  headway providers cap google 300/min
  headway providers cap google off`,
		Args: exactArgs(2, "a provider and a rate, such as google 5/s"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rate, err := service.ParseRate(args[1])
			if err != nil {
				return usageError{err}
			}
			return runOverrule(cmd, args[0], service.Overrule{Verb: service.Cap, PerSecond: rate}, o)
		},
	}
	o.add(cmd)
	return cmd
}

func newProvidersReset() *cobra.Command {
	return plainOverrule(&cobra.Command{
		Use:     "reset PROVIDER",
		Short:   "Forget everything that was learned of a provider, holds and caps included",
		Example: `  headway providers reset google --note "they raised our limit"`,
	}, service.Reset)
}

// plainOverrule completes a command for a decision that takes a provider only.
func plainOverrule(cmd *cobra.Command, verb service.Verb) *cobra.Command {
	var o overruleOptions
	cmd.Args = exactArgs(1, "the key, name or domain of a provider")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runOverrule(cmd, args[0], service.Overrule{Verb: verb}, o)
	}
	o.add(cmd)
	return cmd
}

func runOverrule(cmd *cobra.Command, reference string, what service.Overrule, o overruleOptions) error {
	what.Note, what.Source = o.note, o.source
	return withProvider(cmd, reference, func(ctx context.Context, d *desk, p postgres.Provider) error {
		var (
			preview service.Preview
			err     error
		)
		if o.dryRun {
			preview, err = d.service.Preview(ctx, p.ID, what)
		} else {
			preview, err = d.service.Overrule(ctx, p.ID, what, me())
		}
		var bad *service.BadOverrule
		if errors.As(err, &bad) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			standing, err := d.service.Provider(ctx, p.ID)
			if err != nil {
				return err
			}
			return printJSON(cmd, api.NewOverruled(preview, !o.dryRun, standing))
		}
		if o.dryRun {
			fmt.Fprintln(cmd.OutOrStdout(), "Nothing was changed. This would follow:")
		}
		fmt.Fprintln(cmd.OutOrStdout(), preview.Text())
		return nil
	})
}

// me is who works at this command line, for the audit log.
func me() service.Actor {
	name := "somebody" // an account without a name, as in a bare container
	if account, err := user.Current(); err == nil && account.Username != "" {
		name = account.Username
	}
	return service.Actor{Name: name, Door: service.CommandLine}
}
