//go:build unix

package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/jackc/pgx/v5"
)

// holdEnv turns the test program into one that uses a server: it starts the
// one of the folder in the variable, says so, and stops when its input ends.
const holdEnv = "HEADWAY_EMBEDDED_TEST_HOLD"

func TestMain(m *testing.M) {
	for env, role := range map[string]func(dir string) error{holdEnv: hold, comeAndGoEnv: comeAndGoLoop} {
		if dir := os.Getenv(env); dir != "" {
			if err := role(dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	code := m.Run()
	if initialised.dir != "" {
		_ = os.RemoveAll(initialised.dir)
	}
	os.Exit(code)
}

func hold(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := embedded.Start(ctx, embedded.Config{DataDir: dir})
	if err != nil {
		return err
	}
	fmt.Println("adopted:", s.Adopted())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return s.Stop(ctx)
}

// patience is what a start, a stop or a query may take on a busy machine.
const patience = time.Minute

// holder is another process that uses a server.
type holder struct {
	cmd     *exec.Cmd
	input   io.Closer
	adopted bool
}

func startHolder(t *testing.T, dir string) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &holder{cmd: cmd, input: input}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the other process started no server: %v", err)
	}
	h.adopted = strings.TrimSpace(line) == "adopted: true"
	return h
}

// leave lets the process stop its server.
func (h *holder) leave(t *testing.T) {
	t.Helper()
	_ = h.input.Close()
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
}

// kill ends the process without giving it a chance.
func (h *holder) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = h.cmd.Wait() // "signal: killed" is what we want
}

// emptyDir makes a folder that the account which runs root's servers can
// enter, unlike t.TempDir's.
func emptyDir(t testing.TB) string {
	t.Helper()
	dir, err := makeEmptyDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func makeEmptyDir() (string, error) {
	dir, err := os.MkdirTemp("", "headway-embedded-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// initialised is one data folder that all tests copy.
var initialised struct {
	once sync.Once
	dir  string
	err  error
}

// dataDir returns a data folder with a cluster that no server ran on for long.
func dataDir(t testing.TB) string {
	t.Helper()
	if _, _, err := embedded.FindBinaries(""); err != nil {
		t.Skip(err)
	}
	initialised.once.Do(func() {
		if initialised.dir, initialised.err = makeEmptyDir(); initialised.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var s *embedded.Server
		if s, initialised.err = embedded.Start(ctx, embedded.Config{DataDir: initialised.dir}); initialised.err == nil {
			initialised.err = s.Stop(ctx)
		}
	})
	if initialised.err != nil {
		t.Fatal(initialised.err)
	}
	dir := emptyDir(t)
	out, err := exec.Command("cp", "-Rp", filepath.Join(initialised.dir, "postgres"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	return dir
}

// start starts a server that is stopped after the test.
func start(t testing.TB, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t testing.TB, s *embedded.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// query returns the single text value of a statement.
func query(t testing.TB, s *embedded.Server, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(within(t), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(within(t))
	var value string
	if err := conn.QueryRow(within(t), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// execute runs a statement.
func execute(t testing.TB, s *embedded.Server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(within(t), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(within(t))
	if _, err := conn.Exec(within(t), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// serverPID reads the process number of the server from its pid file.
func serverPID(t testing.TB, dir string) int {
	t.Helper()
	raw, err := os.ReadFile(pidFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func pidFile(dir string) string { return filepath.Join(dir, "postgres", "postmaster.pid") }

// awaitGone waits until a process has ended.
func awaitGone(t testing.TB, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil
}

// owner returns whom a file belongs to.
func owner(t testing.TB, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}
