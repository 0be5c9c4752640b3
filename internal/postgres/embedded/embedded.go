//go:build unix

// Package embedded starts, adopts and stops Headway's own Postgres server.
//
// It stands before the journey of a newsletter: where no DATABASE_URL is set,
// every command of Headway gets its database here, and gives it back at its
// end.
//
//  1. The data folder is opened: its path, the account that runs the server
//     (the caller's own; for root, who must not run Postgres, "postgres" or
//     else "nobody"), and two lock files.
//  2. Under the first lock, which makes starts and stops exclusive, the caller
//     joins the users of the server by sharing the second lock for as long as
//     it uses the server. The kernel drops both when a process dies, however
//     it dies.
//  3. A server that runs already is adopted if its pid file names a process
//     that works in our folder, and a connection confirms the folder too.
//  4. Otherwise binaries are found, or downloaded, whose major version is the
//     folder's; a new folder is initialised; the server is started in a
//     session of its own, where Ctrl-C does not reach it, and awaited.
//  5. Revive starts it again should it have ended by itself.
//  6. Stop leaves the users. Whoever finds nobody left stops the server, so it
//     runs exactly as long as it is used. [StopUnused] does the same for
//     servers whose users may all be killed.
//
// The server listens on a Unix socket in a folder that only its account (and
// root) can enter. That folder is the whole access control: connections are
// trusted, and TCP is closed.
//
// The package creates no tables and knows no migrations, takes no backups and
// upgrades no data folder to another major version.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// superuser owns the cluster; everybody who reaches the socket is it.
	superuser = "headway"
	// maintenance is the database that initdb always makes.
	maintenance = "postgres"
	// port only names the socket file: nothing listens on TCP.
	port = 5432
	// minMajor is the oldest Postgres whose SQL Headway uses (MERGE came with 15).
	minMajor = 15
	// handOver bounds the wait for remains of a server that was killed: its
	// processes end by themselves once their statement is done.
	handOver = 10 * time.Second
	// silence is how long a running server may not even say that it starts up,
	// which it does within milliseconds unless its machine is very busy.
	silence = 30 * time.Second
)

// Config says where the server lives and how it is found. Its zero value is
// for tests only, since it is not durable.
type Config struct {
	// DataDir is Headway's data folder; the server keeps its files in it.
	// Defaults to [DefaultDataDir].
	DataDir string

	// BinDir is the folder of the Postgres programs to use. Defaults to
	// those that [FindBinaries] finds, or else those that Download fetches.
	BinDir string

	// Durable makes commits survive a power cut. Without it fsync is off and
	// a crash of the machine destroys the database: for tests only.
	Durable bool

	// Download says how programs are fetched where none are installed.
	Download DownloadConfig

	// Logger receives a line for each start, adoption and stop.
	// Defaults to none.
	Logger *slog.Logger

	// places lists the folders to search, best first, instead of the usual
	// ones: how tests make a machine without Postgres.
	places func() []string
}

// Server is a running Postgres server and the right to use it until Stop.
type Server struct {
	home      *home
	config    Config // that it was started with
	log       *slog.Logger
	binDir    string
	socketDir string
	port      int
	adopted   bool
	child     *process // the server's process if we spawned it, else nil

	mu    sync.Mutex
	users *fileLock // held shared while the server is used; nil after Stop; guarded by mu
}

// Start starts the server of cfg.DataDir, or adopts the one that runs already,
// and returns when it accepts connections. That can take minutes after a crash
// of the machine, while Postgres recovers; ctx ends the wait. A server that
// Start started and could not bring up is ended again.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	h, err := openHome(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	transition, err := h.lockTransition(ctx)
	if err != nil {
		return nil, err
	}
	defer transition.release()
	users, err := h.joinUsers()
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, config: cfg, log: cfg.Logger, users: users, port: port}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.bringUp(ctx, cfg); err != nil {
		users.release()
		return nil, err
	}
	return s, nil
}

// bringUp adopts or launches the server. The caller holds the transition lock.
func (s *Server) bringUp(ctx context.Context, cfg Config) error {
	for begin := time.Now(); ; {
		adopted, err := s.adopt(ctx, cfg.Durable)
		if err != nil {
			return err
		}
		s.adopted = adopted
		if adopted {
			s.log.Info("postgres adopted", "data", s.home.cluster(), "bin", s.binDir)
			return nil
		}
		err = s.launch(ctx, cfg)
		if err == nil {
			s.log.Info("postgres started", "data", s.home.cluster(), "bin", s.binDir)
			return nil
		}
		if !errors.Is(err, errOccupied) || time.Since(begin) > handOver {
			return err
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// URL returns the connection string of a database, for pgx and for libpq's
// programs alike. It does not create the database; see [Server.Create].
func (s *Server) URL(database string) string {
	return socketURL(s.socketDir, s.port, database)
}

// socketURL names the folder in the query, since a path cannot be the host part.
func socketURL(dir string, port int, database string) string {
	q := url.Values{"host": {dir}, "port": {strconv.Itoa(port)}, "user": {superuser}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// Adopted reports whether the server ran before Start.
func (s *Server) Adopted() bool { return s.adopted }

// BinDir returns the folder of the running server's programs. Installed ones
// come with pg_dump and psql, downloaded ones without.
func (s *Server) BinDir() string { return s.binDir }

// DataDir returns Headway's data folder.
func (s *Server) DataDir() string { return s.home.dir }

// Stop ends this use of the server, and stops the server if it was the last
// one: a fast shutdown, which disconnects clients and writes everything to
// disk. A server that somebody else uses is left alone. When ctx ends during
// the shutdown the server goes on shutting down by itself. Calling Stop again
// does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil {
		return nil
	}
	transition, err := s.home.lockTransition(ctx)
	if err != nil {
		return err
	}
	defer transition.release()
	last, err := s.users.tryExclusive()
	defer func() {
		s.users.release()
		s.users = nil
	}()
	switch {
	case err != nil:
		return fmt.Errorf("ask who else uses postgres: %w", err)
	case !last:
		s.log.Info("postgres left running for its other users", "data", s.home.cluster())
		return nil
	}
	if err := s.home.shutDown(ctx); err != nil {
		return err
	}
	s.child.reap()
	s.log.Info("postgres stopped", "data", s.home.cluster())
	return nil
}

// adopt takes over a server that runs on our folder. It returns false when
// none does, and has then removed what a dead one left in the way.
func (s *Server) adopt(ctx context.Context, durable bool) (bool, error) {
	for heard := time.Now(); ; {
		pm, err := s.home.readPostmaster()
		if err != nil || pm == nil {
			return false, err
		}
		if !pm.running() {
			return false, s.home.clearStale(ctx, pm)
		}
		err = s.home.confirm(ctx, pm, durable)
		var refused *pgconn.PgError
		switch {
		case err == nil:
			s.socketDir, s.port = pm.socketDir, pm.port
			s.binDir = s.home.runningBinaries()
			return true, nil
		case !errors.Is(err, errNotReady):
			return false, err
		case errors.As(err, &refused): // it recovers, or shuts down
			heard = time.Now()
		case time.Since(heard) > silence:
			return false, fmt.Errorf("postgres runs on %s (process %d) but has not answered for %v; stop it and try again", s.home.cluster(), pm.pid, silence)
		}
		if err := pause(ctx); err != nil {
			return false, fmt.Errorf("postgres (process %d) on %s does not accept connections: %w", pm.pid, s.home.cluster(), err)
		}
	}
}

// launch starts a server on a folder that none runs on.
func (s *Server) launch(ctx context.Context, cfg Config) error {
	major, err := s.home.clusterMajor()
	if err != nil {
		return err
	}
	if s.binDir, err = s.chooseBinaries(ctx, cfg, major); err != nil {
		return err
	}
	if major == 0 {
		s.log.Info("postgres makes its data folder", "data", s.home.cluster())
		if err := s.home.initialise(ctx, s.binDir, cfg.Durable); err != nil {
			return err
		}
	}
	if s.socketDir, err = s.home.makeSocketDir(); err != nil {
		return err
	}
	if err := s.home.writeSettings(s.socketDir, cfg.Durable); err != nil {
		return err
	}
	if s.child, err = s.home.spawn(filepath.Join(s.binDir, "postgres")); err != nil {
		return err
	}
	return s.child.await(ctx, s.log, s.URL(maintenance))
}
