package cli

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/service"
)

// desk is what a command works at: an open database and the service on it.
type desk struct {
	config   config.Config
	log      *slog.Logger
	database *node.Database
	service  *service.Service
}

// atDesk opens the database of the settings, runs work, and closes it again.
func atDesk(cmd *cobra.Command, work func(context.Context, *desk) error) (err error) {
	ctx := cmd.Context()
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	if c.Log.Level == "info" {
		c.Log.Level = "warn" // a command's own output is enough
	}
	log, err := logger(cmd, c)
	if err != nil {
		return err
	}
	database, err := node.OpenDatabase(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	queue, err := jobs.NewQueue(database.Store, log)
	if err != nil {
		return err
	}
	s, err := service.New(ctx, database.Store, queue, c, log)
	if err != nil {
		return err
	}
	return work(ctx, &desk{config: c, log: log, database: database, service: s})
}

// someoneWorks reports whether a node with the given role seems to be alive.
func (d *desk) someoneWorks(ctx context.Context, role string) (bool, error) {
	nodes, err := d.database.Store.Nodes(ctx)
	if err != nil {
		return false, err
	}
	for _, n := range nodes {
		for _, r := range n.Roles {
			if r == role && time.Since(n.BeatAt) < 20*time.Second {
				return true, nil
			}
		}
	}
	return false, nil
}

// withBulk runs work while this process, too, works imports and launches.
func (d *desk) withBulk(ctx context.Context, work func() error) (err error) {
	c := d.config
	c.Roles = []string{"bulk"}
	helper, err := node.StartWorker(ctx, c, d.database, d.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, helper.Stop()) }()
	return work()
}

// printJSON writes a value as indented JSON.
func printJSON(cmd *cobra.Command, value any) error {
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
