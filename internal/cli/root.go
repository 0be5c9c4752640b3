package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3
)

// errFound is the cause of errors that a check has found.
var errFound = errors.New("not as it should be")

// usageError is a command line that cannot be used.
type usageError struct{ error }

// Main runs the command line and returns the exit code.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(errOut, "headway: %v\n", err)
	var usage usageError
	switch {
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "headway",
		Short: "Send newsletters straight to the recipients' mail servers, each at the pace it accepts",
		Long: `Headway sends newsletters to large contact lists, straight to the recipients' mail
servers, each receiving provider at the pace that it accepts.

Start with:  headway demo`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          oneOfTheCommands,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.Flags(root.PersistentFlags())
	root.PersistentFlags().Bool("json", false, "write results as JSON")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	})
	root.AddCommand(newDemo(), newServe(), newImport(), newImports(), newLists(), newSegment(), newVerify(), newRiskLists(), newContact(), newSuppress(),
		newCampaign(), newTemplates(), newImages(), newProviders(), newQueue(), newReplies(), newDKIM(), newUser(), newToken(), newCheck(), newMigrate(), newHealth(), newBackup(),
		newRestore(), newSandbox(), newClassify(), newSimulate(), newConfig(), newBench())
	return root
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(development)"
	}
	return info.Main.Version
}

// settings reads the configuration for a command.
func settings(cmd *cobra.Command) (config.Config, error) {
	return config.Load(config.Sources{Flags: cmd.Flags(), Environ: config.Environ(), DataDir: embedded.DefaultDataDir})
}

// logger writes to standard error as the settings say.
func logger(cmd *cobra.Command, c config.Config) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %q is not debug, info, warn or error", c.Log.Level)
	}
	w := cmd.ErrOrStderr()
	switch c.Log.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	case "", "text":
		if isTerminal(w) {
			return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: "15:04:05"})), nil
		}
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), nil
	}
	return nil, fmt.Errorf("log.format: %q is not text or json", c.Log.Format)
}

// isTerminal reports whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantsJSON reports whether --json was given.
func wantsJSON(cmd *cobra.Command) bool {
	yes, err := cmd.Flags().GetBool("json")
	return err == nil && yes
}

// exactArgs turns a wrong number of arguments into a usage error.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("`%s` takes %s; see `%[1]s --help`", cmd.CommandPath(), what)}
		}
		return nil
	}
}

// oneOfTheCommands turns a word after a group of commands that names none of
// them into a usage error, with the command that was probably meant.
func oneOfTheCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return usageError{fmt.Errorf("there is no command `%s %s`%s; see `%[1]s --help`", cmd.CommandPath(), args[0], hint)}
}
