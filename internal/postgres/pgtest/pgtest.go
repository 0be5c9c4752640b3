//go:build unix

// Package pgtest gives every test of the project a real Postgres.
//
//  1. The first test of an OS user that asks starts a server in a folder of
//     that user among the temporary files, with fsync off; other test
//     processes, also those of other packages that run at the same time, use
//     the same one (see package embedded).
//  2. [Database] clones a template database that was migrated once; the
//     template carries a fingerprint of the migrations, so that a change of
//     them makes a new one. The clone is dropped when the test ends.
//  3. The last test process out stops the server. Should all of them be
//     killed, a watcher, which is this test program run once more in the
//     background, stops it after a minute without users.
//
// With HEADWAY_TEST_DATABASE_URL set, that server is used and nothing is
// started: its user must be allowed to create databases. Where no Postgres is
// installed it is downloaded once; where that fails, so do the tests, and say
// what to install.
//
// The package knows no migrations: its callers bring them. It is imported by
// tests only.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// URLVariable names the environment variable with the connection string of a
// server to use instead of our own.
const URLVariable = "HEADWAY_TEST_DATABASE_URL"

// patience bounds every wait for Postgres: generous, for a busy machine.
const patience = 2 * time.Minute

// shared is this process' use of the server.
var shared struct {
	mu     sync.Mutex
	server *embedded.Server // guarded by mu
	err    error            // guarded by mu
}

// Main runs a package's tests and leaves the shared server afterwards:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// Without it everything works too, but the server runs for a minute more.
// Checks run last, when no connection of this package is open any more, and
// fail the package with their error: for example a search for leaked
// goroutines, func() error { return goleak.Find() }.
func Main(m *testing.M, checks ...func() error) {
	code := m.Run()
	err := leave()
	for _, check := range checks {
		err = errors.Join(err, check())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Server returns the shared server. It skips the test when a server that is
// not ours is used.
func Server(t testing.TB) *embedded.Server {
	t.Helper()
	if os.Getenv(URLVariable) != "" {
		t.Skip(URLVariable + " is set, and this test needs a server of its own")
	}
	s, err := join()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// join starts using the server, once per process.
func join() (*embedded.Server, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = startShared()
	}
	return shared.server, shared.err
}

// leave stops using the server, if this process does.
func leave() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := shared.server.Stop(ctx)
	shared.server = nil
	return err
}

func startShared() (*embedded.Server, error) {
	dir, err := sharedDir()
	if err != nil {
		return nil, fmt.Errorf("test server: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := embedded.Start(ctx, embedded.Config{DataDir: dir})
	if err != nil {
		return nil, fmt.Errorf("test server: %w (%s holds nothing but test data and may be removed)", err, dir)
	}
	if err := spawnWatcher(dir, keepIdle); err != nil {
		return nil, errors.Join(fmt.Errorf("watcher of the test server: %w", err), s.Stop(ctx))
	}
	if !s.Adopted() {
		err = place{maintenance: s.URL("postgres"), url: s.URL}.tidy(ctx)
	}
	return s, err
}

// sharedDir makes the folder that the test processes of this OS user share:
// among the temporary files, where root's server account comes through, and
// one for each major version, so that an upgrade of Postgres starts afresh.
func sharedDir() (string, error) {
	name := "headway-pgtest-" + strconv.Itoa(os.Geteuid())
	if _, major, err := embedded.FindBinaries(""); err == nil {
		name += "-" + strconv.Itoa(major)
	}
	dir := filepath.Join(os.TempDir(), name)
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = os.Chmod(dir, 0o755) // whatever the umask
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || ok && int(st.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a folder that only this user can write; remove it", dir)
	}
	return dir, nil
}
