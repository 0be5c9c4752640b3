//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// rootDataDir is root's data folder: the server's account cannot enter root's
// own home.
const rootDataDir = "/var/lib/headway"

// home is Headway's data folder as far as the server is concerned:
//
//	postgres/                 the cluster (PGDATA), mode 0700, the account's
//	run/                      the socket, mode 0700, the account's
//	postgresql.conf           our settings, written at each start
//	postgresql.local.conf     the operator's own settings, if any
//	postgres.log              what the server says
//	postgres.transition.lock  held exclusively while starting or stopping
//	postgres.users.lock       held shared by every user of the server
//	postgres.watch.lock       held by the one who runs StopUnused
//	binaries/                 downloaded programs
//
// Only the first two belong to the server's account, so root never writes
// where that account could have planted a link.
type home struct {
	dir     string // absolute, without symbolic links
	account account
}

func (h *home) cluster() string        { return filepath.Join(h.dir, "postgres") }
func (h *home) settings() string       { return filepath.Join(h.dir, "postgresql.conf") }
func (h *home) localSettings() string  { return filepath.Join(h.dir, "postgresql.local.conf") }
func (h *home) logFile() string        { return filepath.Join(h.dir, "postgres.log") }
func (h *home) transitionLock() string { return filepath.Join(h.dir, "postgres.transition.lock") }
func (h *home) usersLock() string      { return filepath.Join(h.dir, "postgres.users.lock") }
func (h *home) watchLock() string      { return filepath.Join(h.dir, "postgres.watch.lock") }
func (h *home) binaries() string       { return filepath.Join(h.dir, "binaries") }

// DefaultDataDir returns the folder that Headway keeps its data in: the
// environment's HEADWAY_DATA; /var/lib/headway for root; for anybody else
// $XDG_DATA_HOME/headway, by default ~/.local/share/headway, or on macOS
// ~/Library/Application Support/headway.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("HEADWAY_DATA"); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return rootDataDir, nil
	}
	// The XDG specification says that relative paths are invalid.
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "headway"), nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for headway's data: %w; set HEADWAY_DATA", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(user, "Library", "Application Support", "headway"), nil
	}
	return filepath.Join(user, ".local", "share", "headway"), nil
}

// openHome makes the data folder if need be and finds the server's account.
func openHome(dir string) (*home, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultDataDir(); err != nil {
			return nil, err
		}
	}
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755 // the server's account must pass through
	}
	if err := makeDir(dir, mode); err != nil {
		return nil, explainDataDir(dir, err)
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, explainDataDir(dir, err)
	}
	if resolved, err = filepath.Abs(resolved); err != nil {
		return nil, explainDataDir(dir, err)
	}
	h := &home{dir: resolved}
	if h.account, err = serverAccount(h.cluster()); err != nil {
		return nil, err
	}
	return h, nil
}

// makeDir makes a folder that is not there yet, and its parents. It gets the
// mode whatever the umask is: a strict one would lock the server's account out.
func makeDir(dir string, mode fs.FileMode) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

// explainDataDir says what to do about a data folder that cannot be used.
func explainDataDir(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("data folder %s cannot be written by user %s: %w; give it to that user, or set HEADWAY_DATA to another folder",
			dir, currentUser(), err)
	}
	return fmt.Errorf("data folder %s: %w", dir, err)
}

// clusterMajor returns the major version that the cluster was made by, or 0
// when there is no cluster yet.
func (h *home) clusterMajor() (int, error) {
	file := filepath.Join(h.cluster(), "PG_VERSION")
	raw, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, h.checkVacant()
	case err != nil:
		return 0, explainDataDir(h.dir, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("%s holds no version that headway knows: %q", file, raw)
	}
	return major, nil
}

// checkVacant makes sure that a folder without PG_VERSION holds nothing that
// initialising would destroy.
func (h *home) checkVacant() error {
	entries, err := os.ReadDir(h.cluster())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explainDataDir(h.dir, err)
	case len(entries) > 0:
		return fmt.Errorf("%s is neither empty nor a Postgres data folder (it has no PG_VERSION); move it away, or restore it from a backup", h.cluster())
	}
	return nil
}
