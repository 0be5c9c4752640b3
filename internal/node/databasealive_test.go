package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/config"
)

// Our own Postgres comes back when it has ended by itself, without anybody's
// help.
func TestOwnDatabaseComesBack(t *testing.T) {
	t.Parallel()
	data, err := os.MkdirTemp("", "hw-") // a short path that Postgres' account may pass through
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(data); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Data = data
	d, err := OpenDatabase(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(data, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	for away, deadline := false, time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, err := d.Store.Nodes(t.Context())
		if away = away || err != nil; away && err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it was away: %t; now: %v", away, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
