package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// DatabaseName is the database that Headway makes in its own server.
const DatabaseName = "headway"

// Database is an open database at the newest schema.
type Database struct {
	Store  *postgres.Store
	URL    string
	server *embedded.Server // nil when the database is the user's own
	size   int
	rest   context.CancelFunc // ends the watch over the server; nil without one
	watch  sync.WaitGroup
}

// OpenDatabase connects to the database of the settings, starting the embedded
// server when none is named, and brings it to the newest schema.
func OpenDatabase(ctx context.Context, c config.Config, log *slog.Logger) (*Database, error) {
	return OpenDatabaseNamed(ctx, c, DatabaseName, log)
}

// OpenDatabaseNamed is [OpenDatabase] with another database of the embedded
// server. A database.url of the settings is taken as it is.
func OpenDatabaseNamed(ctx context.Context, c config.Config, name string, log *slog.Logger) (*Database, error) {
	d := &Database{URL: c.Database.URL, size: c.Database.Connections}
	if d.URL == "" {
		server, err := embedded.Start(ctx, embedded.Config{
			DataDir: c.Data, BinDir: c.Database.Binaries, Durable: true, Logger: log})
		if err != nil {
			return nil, err
		}
		d.server = server
		if err := server.Create(ctx, name); err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.URL = server.URL(name)
	}
	if err := d.connect(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.server != nil {
		watching, rest := context.WithCancel(context.WithoutCancel(ctx))
		d.rest = rest
		d.watch.Go(func() { d.keepAlive(watching, log) })
	}
	return d, nil
}

// connect brings the database to the newest schema and opens its store.
func (d *Database) connect(ctx context.Context) error {
	if err := postgres.Migrate(ctx, d.URL); err != nil {
		return err
	}
	store, err := postgres.Open(ctx, d.URL, d.size)
	if err != nil {
		return err
	}
	d.Store = store
	return store.EnsureAttemptsPartitions(ctx, time.Now())
}

// Empty gives up everything that the database holds and makes it new.
func (d *Database) Empty(ctx context.Context) error {
	if err := d.Store.DropSchemas(ctx); err != nil {
		return err
	}
	d.Store.Close()
	return d.connect(ctx)
}

// Embedded returns the server that Headway started or adopted, nil when the
// database is the user's own.
func (d *Database) Embedded() *embedded.Server { return d.server }

// Close ends the connections, and the embedded server unless another process
// uses it.
func (d *Database) Close() error {
	if d.rest != nil {
		d.rest()
		d.watch.Wait()
	}
	if d.Store != nil {
		d.Store.Close()
	}
	if d.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := d.server.Stop(ctx); err != nil {
		return fmt.Errorf("stop the embedded database: %w", err)
	}
	return nil
}
