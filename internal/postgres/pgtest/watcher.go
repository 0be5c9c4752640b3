//go:build unix

package pgtest

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
)

const (
	// watchVariable makes a test program the watcher of the folder it names,
	// and idleVariable says how long the watcher lets a server go unused.
	watchVariable = "HEADWAY_PGTEST_WATCH"
	idleVariable  = "HEADWAY_PGTEST_IDLE"
	// keepIdle is how long the shared server is kept for the next test program.
	keepIdle = time.Minute
)

// init turns a test program that was started as a watcher into one before any
// test can run. It cannot wait for Main, which packages may do without.
func init() {
	dir := os.Getenv(watchVariable)
	if dir == "" {
		return
	}
	idle, err := time.ParseDuration(os.Getenv(idleVariable))
	if err != nil {
		os.Exit(2)
	}
	if err := embedded.StopUnused(context.Background(), dir, idle); err != nil {
		os.Exit(1) // nobody listens; the next test process starts another watcher
	}
	os.Exit(0)
}

// spawnWatcher runs this program once more as the watcher of the folder. It
// ends at once if there is one already. It belongs to no terminal and holds no
// stream of ours, so that "go test" does not wait for it.
func spawnWatcher(dir string, idle time.Duration) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), watchVariable+"="+dir, idleVariable+"="+idle.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
