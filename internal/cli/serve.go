package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/node"
)

func newServe() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run a node: pages, lanes and jobs in one process",
		Long: `Run a node: the pages, the lanes that send mail, and the jobs that import and launch,
in one process. Without database.url (or $DATABASE_URL) it starts its own Postgres.
Any number of nodes may run on one database.

SIGTERM or Ctrl-C drains: messages in flight are finished and recorded.`,
		Example: `  headway serve
  headway serve --web-listen 127.0.0.1:9000
  DATABASE_URL=postgres://headway@db.internal/headway headway serve --roles lanes,bulk`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd) },
	}
}

func runServe(cmd *cobra.Command) (err error) {
	if os.Getenv("GOGC") == "" {
		defer keepHeap()()
	}
	ctx := cmd.Context()
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	log, err := logger(cmd, c)
	if err != nil {
		return err
	}
	database, err := node.OpenDatabase(ctx, c, log)
	if err != nil {
		return err
	}
	n, err := node.Start(ctx, c, database, log)
	if err != nil {
		return errors.Join(err, database.Close())
	}
	if url := n.URL(); url != "" {
		fmt.Fprintf(cmd.OutOrStdout(), "Headway is at %s\n", url)
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "Headway is up, without pages: %s\n", strings.Join(c.Roles, ", "))
	}
	select {
	case <-ctx.Done():
		log.Info("draining; another Ctrl-C ends at once")
		again := againEnds()
		defer again()
	case <-n.Done():
	}
	return n.Stop()
}

// againEnds lets a second signal end the process without draining.
func againEnds() func() {
	second := make(chan os.Signal, 1)
	signal.Notify(second, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-second:
			os.Exit(exitFailed)
		case <-ctx.Done():
		}
	}()
	return func() {
		signal.Stop(second)
		cancel()
	}
}
