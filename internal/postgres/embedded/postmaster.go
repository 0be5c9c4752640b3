//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errNotReady says that a server runs but does not accept connections yet.
var errNotReady = errors.New("postgres is not ready")

// cannotConnectNow is the SQLSTATE of a server that starts up, recovers or
// shuts down.
const cannotConnectNow = "57P03"

// postmaster is what the file postmaster.pid says of a server, which may be
// long gone.
type postmaster struct {
	pid       int
	cluster   string // the folder whose file this is
	port      int    // 0 when the file does not say yet
	socketDir string // empty when the file does not say yet
}

func (h *home) pidFile() string { return filepath.Join(h.cluster(), "postmaster.pid") }

// readPostmaster reads the pid file; nil when there is none. Its lines are
// pid, data folder, start time, port, socket folder, listen address, shared
// memory key and status (Postgres' src/include/utils/pidfile.h); Postgres
// appends them as it learns them.
func (h *home) readPostmaster() (*postmaster, error) {
	raw, err := os.ReadFile(h.pidFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, explainDataDir(h.dir, err)
	}
	pm := &postmaster{cluster: h.cluster()}
	lines := strings.Split(string(raw), "\n")
	// A file cut short by a crash names no process, so nothing runs.
	pm.pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) > 5 {
		pm.port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
		pm.socketDir = strings.TrimSpace(lines[4])
	}
	return pm, nil
}

// running reports whether the pid file's process is alive and is a server
// that works in our folder, rather than a later program with the same number.
func (pm *postmaster) running() bool {
	return pm.pid > 1 && worksIn(pm.pid, pm.cluster)
}

// confirm asks the server over a connection whether it serves our folder.
func (h *home) confirm(ctx context.Context, pm *postmaster, durable bool) error {
	if pm.socketDir == "" {
		return errNotReady
	}
	if err := h.account.checkPrivate(pm.socketDir); err != nil {
		return fmt.Errorf("socket folder of the running postgres: %w", err)
	}
	conn, err := connect(ctx, socketURL(pm.socketDir, pm.port, maintenance))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var folder, fsync string
	err = conn.QueryRow(ctx, `select current_setting('data_directory'), current_setting('fsync')`).Scan(&folder, &fsync)
	switch {
	case err != nil:
		return fmt.Errorf("ask the running postgres for its data folder: %w", err)
	case !sameFile(folder, h.cluster()):
		return fmt.Errorf("the postgres on socket %s serves %s, not %s; stop it, or use another data folder", pm.socketDir, folder, h.cluster())
	case durable && fsync != "on":
		return fmt.Errorf("the postgres (process %d) that runs on %s was started with fsync off; stop it first", pm.pid, h.cluster())
	}
	return nil
}

// connect opens one connection. It returns errNotReady where waiting helps.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(attempt, url)
	if err == nil {
		return conn, nil
	}
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == cannotConnectNow:
		return nil, fmt.Errorf("%w: %s", errNotReady, refused.Message)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), // it ends just now
		attempt.Err() != nil && ctx.Err() == nil: // too busy to answer in time
		return nil, fmt.Errorf("%w: %w", errNotReady, err)
	}
	return nil, fmt.Errorf("connect to postgres: %w", err)
}

// clearStale removes a dead server's pid file where Postgres would stumble over
// it. If the socket answers nevertheless, the server lives where its process
// cannot be seen, and starting another would destroy the data.
func (h *home) clearStale(ctx context.Context, pm *postmaster) error {
	if pm.socketDir != "" {
		conn, err := connect(ctx, socketURL(pm.socketDir, pm.port, maintenance))
		if err == nil {
			_ = conn.Close(ctx)
		}
		var refused *pgconn.PgError
		if err == nil || errors.As(err, &refused) {
			return fmt.Errorf("postgres runs on %s, but its process %d cannot be seen from here; stop it in the container that started it, or set DATABASE_URL", h.cluster(), pm.pid)
		}
	}
	// Where the number is free Postgres itself makes sure that no process of
	// the dead server is left. A file cut short stops it, and a living program
	// with the number misleads it.
	if pm.pid > 1 && errors.Is(syscall.Kill(pm.pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := os.Remove(h.pidFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explainDataDir(h.dir, err)
	}
	return nil
}

// runningBinaries returns the folder of the program that the server was
// started with, which postmaster.opts begins with; empty if it cannot be read.
func (h *home) runningBinaries() string {
	raw, err := os.ReadFile(filepath.Join(h.cluster(), "postmaster.opts"))
	if err != nil {
		return ""
	}
	program, _, _ := strings.Cut(string(raw), ` "`)
	return filepath.Dir(program)
}

// shutDown stops the server, if one runs, and waits until it is gone. The
// caller holds the transition lock and knows that nobody uses the server.
func (h *home) shutDown(ctx context.Context) error {
	pm, err := h.readPostmaster()
	if err != nil || pm == nil || !pm.running() {
		return err
	}
	// SIGINT is Postgres' fast shutdown: clients are cut, data is written.
	if err := syscall.Kill(pm.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop postgres (process %d): %w", pm.pid, err)
	}
	for pm.running() {
		if err := pause(ctx); err != nil {
			return fmt.Errorf("postgres (process %d) still shuts down: %w", pm.pid, err)
		}
	}
	_ = os.Remove(h.socketDir()) // tidiness: it may lie in /tmp; it is made anew
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
