//go:build unix

package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
)

func TestRecoversAfterServerWasKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	// Without fsync, commits are not even given to the kernel at once.
	s := start(t, embedded.Config{DataDir: dir, Durable: true})
	execute(t, s, "create table kept as select 'kept' as word from generate_series(1, 10000)")
	if err := syscall.Kill(serverPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// s is a user still: its server is replaced under it, at the same address.
	again := start(t, embedded.Config{DataDir: dir, Durable: true})
	if again.Adopted() {
		t.Error("adopted a dead server")
	}
	if got := query(t, s, "select count(*)::text from kept"); got != "10000" {
		t.Errorf("rows after recovery = %s, want 10000", got)
	}
}

// A server that ends by itself comes back, at the same address, for whoever uses
// it; one that runs, or that nobody uses any more, is left alone.
func TestRevive(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, embedded.Config{DataDir: dir, Durable: true})
	execute(t, s, "create table kept as select 'kept' as word")
	revive := func() bool {
		t.Helper()
		started, err := s.Revive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return started
	}
	if revive() {
		t.Error("started a server that ran")
	}
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT} {
		if err := syscall.Kill(serverPID(t, dir), signal); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); !revive(); time.Sleep(10 * time.Millisecond) { // it takes a moment to end
			if time.Now().After(deadline) {
				t.Fatalf("it survives %s", signal)
			}
		}
		if got := query(t, s, "select word from kept"); got != "kept" {
			t.Errorf("after %s: %s", signal, got)
		}
	}
	stop(t, s)
	if revive() {
		t.Error("started a server that was stopped")
	}
	s = start(t, embedded.Config{DataDir: dir, Durable: true})
	if err := syscall.Kill(serverPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	if started, err := s.Revive(t.Context()); started || err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("without its folder: started %t, %v", started, err)
	}
}

func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for _, c := range []struct {
		name string
		pid  func(*testing.T) string
	}{
		{"process is gone", func(t *testing.T) string {
			cmd := exec.Command("true")
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(cmd.Process.Pid)
		}},
		{"process is another program", func(t *testing.T) string {
			return fmt.Sprint(bystander(t, filepath.Join(dir, "postgres")))
		}},
		{"file was cut short", func(*testing.T) string { return "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := filepath.Join(dir, "run")
			stale := fmt.Sprintf("%s\n%s/postgres\n1700000000\n5432\n%s\n\n  1 2\nready   \n", c.pid(t), dir, run)
			if strings.HasPrefix(stale, "\n") {
				stale = ""
			}
			if err := os.WriteFile(pidFile(dir), []byte(stale), 0o600); err != nil {
				t.Fatal(err)
			}
			account := owner(t, filepath.Join(dir, "postgres"))
			if err := os.Chown(pidFile(dir), int(account.Uid), int(account.Gid)); err != nil {
				t.Fatal(err)
			}
			s := start(t, embedded.Config{DataDir: dir})
			if s.Adopted() {
				t.Error("adopted a server that is not there")
			}
			query(t, s, "select version()")
			stop(t, s)
		})
	}
}

// bystander starts a program of the server's account that is no server. With
// such a process behind a stale pid file Postgres itself refuses to start.
func bystander(t *testing.T, cluster string) int {
	t.Helper()
	account := owner(t, cluster)
	cmd := exec.Command("sleep", "600")
	cmd.Dir = "/"
	if int(account.Uid) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: account.Uid, Gid: account.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"
	})
	return cmd.Process.Pid
}

func TestRefusesServerWhoseProcessCannotBeSeen(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, embedded.Config{DataDir: dir})
	raw, err := os.ReadFile(pidFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	// In another container the number names nothing, or something else.
	_, rest, _ := strings.Cut(string(raw), "\n")
	rewrite(t, pidFile(dir), fmt.Sprintf("%d\n%s", bystander(t, filepath.Join(dir, "postgres")), rest))
	_, err = embedded.Start(within(t), embedded.Config{DataDir: dir})
	wantError(t, err, "cannot be seen from here")
	rewrite(t, pidFile(dir), string(raw))
	query(t, s, "select version()")
}

// rewrite replaces a file's content and keeps its owner.
func rewrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStopUnused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	user := startHolder(t, dir)
	pid := serverPID(t, dir)
	const idle = 300 * time.Millisecond
	watched := make(chan error, 1)
	go func() { watched <- embedded.StopUnused(within(t), dir, idle) }()
	select {
	case err := <-watched:
		t.Fatalf("StopUnused returned %v while the server was used", err)
	case <-time.After(3 * idle):
	}
	user.kill(t)
	if err := <-watched; err != nil {
		t.Fatal(err)
	}
	awaitGone(t, pid)
	if err := embedded.StopUnused(within(t), dir, idle); err != nil {
		t.Errorf("StopUnused without a server: %v", err)
	}
}
