//go:build unix

package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// socketName is what Postgres calls its socket for our port.
	socketName = ".s.PGSQL.5432"
	// maxSocketPath is the longest path of a socket that every supported
	// system takes: sun_path holds 108 bytes on Linux and 104 on macOS,
	// with a zero at the end.
	maxSocketPath = 103
)

// socketDir returns where the socket folder is: in the data folder, or where
// that path is too long, or cannot be written in Postgres' list of folders, in
// /tmp under a name derived from it.
func (h *home) socketDir() string {
	inside := filepath.Join(h.dir, "run")
	if len(filepath.Join(inside, socketName)) <= maxSocketPath && !strings.ContainsAny(inside, "\",'\\\n") {
		return inside
	}
	sum := sha256.Sum256([]byte(h.dir))
	return filepath.Join("/tmp", "headway-"+hex.EncodeToString(sum[:8]))
}

// makeSocketDir makes the socket folder, private to the account, and empties
// it of a dead server's socket and lock file. The caller knows that no server
// runs on this data folder.
func (h *home) makeSocketDir() (string, error) {
	dir := h.socketDir()
	if err := h.account.makePrivate(dir); err != nil {
		return "", fmt.Errorf("socket folder: %w", err)
	}
	for _, name := range []string{socketName, socketName + ".lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("socket folder: %w", err)
		}
	}
	return dir, nil
}
