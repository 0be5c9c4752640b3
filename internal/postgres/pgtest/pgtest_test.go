//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// crashVariable turns the test program into one that starts a server in the
// folder it names, with a watcher, and is killed at once.
const crashVariable = "HEADWAY_PGTEST_TEST_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashVariable); dir != "" {
		crash(dir)
	}
	Main(m, func() error { return goleak.Find() })
}

func crash(dir string) {
	_, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir})
	if err == nil {
		err = spawnWatcher(dir, 300*time.Millisecond)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// schema is a migration that counts its runs.
type schema struct {
	fingerprint string
	runs        atomic.Int64
}

// newSchema returns one that no template was made of yet, and drops its
// template after the test.
func newSchema(t *testing.T) *schema {
	s := &schema{fingerprint: fmt.Sprint(t.Name(), os.Getpid(), time.Now().UnixNano())}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		at, err := locate()
		if err == nil {
			err = at.drop(ctx, templateName(s.fingerprint))
		}
		if err != nil {
			t.Error(err)
		}
	})
	return s
}

// migrate leaves its connection open: careless migrations spoil no template.
func (s *schema) migrate(ctx context.Context, url string) error {
	s.runs.Add(1)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `create table contacts (address text primary key)`)
	return err
}

func open(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func count(t testing.TB, conn *pgx.Conn, sql string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabasesAreMigratedOnceAndApart(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	t.Run("tests", func(t *testing.T) {
		for range 6 {
			t.Run("one of several", func(t *testing.T) {
				t.Parallel()
				conn := open(t, Database(t, s.migrate, s.fingerprint))
				if n := count(t, conn, `select count(*) from contacts`); n != 0 {
					t.Errorf("rows in a fresh database = %d, want 0", n)
				}
				if _, err := conn.Exec(t.Context(), `insert into contacts values ('ana@one.example')`); err != nil {
					t.Error(err)
				}
			})
		}
	})
	if n := s.runs.Load(); n != 1 {
		t.Errorf("migrations ran %d times, want once", n)
	}
}

func TestDatabaseIsDroppedWithItsConnections(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	var name string
	t.Run("a test that leaves a connection open", func(t *testing.T) {
		conn := open(t, Database(t, s.migrate, s.fingerprint))
		name = conn.Config().Database
	})
	at, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, at.maintenance)
	defer conn.Close(t.Context())
	if n := count(t, conn, `select count(*) from pg_database where datname = $1`, name); n != 0 {
		t.Errorf("database %s is still there after its test", name)
	}
}

func TestFailedMigrationLeavesNoTemplate(t *testing.T) {
	t.Parallel()
	s := newSchema(t)
	at, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("syntax error in 0001_contacts.sql")
	fail := func(ctx context.Context, url string) error { return errors.Join(s.migrate(ctx, url), broken) }
	if _, err := at.clone(t.Context(), fail, s.fingerprint); !errors.Is(err, broken) {
		t.Errorf("clone = %v, want %v", err, broken)
	}
	conn := open(t, Database(t, s.migrate, s.fingerprint))
	if n := count(t, conn, `select count(*) from contacts`); n != 0 {
		t.Errorf("rows = %d, want 0", n)
	}
}

func TestLeftoversAreDropped(t *testing.T) {
	t.Parallel()
	at, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, at.maintenance)
	defer conn.Close(t.Context())
	run, err := serverRun(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	me := strconv.Itoa(os.Getpid())
	old, running := clonePrefix+"1_"+me+"_1", fmt.Sprintf("%s%d_%s_0", clonePrefix, run, me)
	for _, name := range []string{old, running} {
		if _, err := conn.Exec(t.Context(), "create database "+name); err != nil {
			t.Fatal(err)
		}
	}
	if err := at.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, conn, `select count(*) from pg_database where datname = $1`, old); n != 0 {
		t.Error("a clone of an earlier run of the server is still there")
	}
	if n := count(t, conn, `select count(*) from pg_database where datname = $1`, running); n != 1 {
		t.Error("a clone of this run of the server was dropped")
	}
	if err := at.drop(t.Context(), running); err != nil {
		t.Fatal(err)
	}
}

func TestWatcherStopsServerWhenAllTestsWereKilled(t *testing.T) {
	t.Parallel()
	if os.Getenv(URLVariable) != "" {
		t.Skip(URLVariable + " is set")
	}
	dir, err := os.MkdirTemp("", "headway-pgtest-watch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the test program ended with %v, want it killed", err)
	}
	pidFile := filepath.Join(dir, "postgres", "postmaster.pid")
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(pidFile); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server still runs")
		}
	}
}

func TestExternalServer(t *testing.T) {
	s := Server(t)
	t.Setenv(URLVariable, s.URL("postgres"))
	schema := newSchema(t)
	conn := open(t, Database(t, schema.migrate, schema.fingerprint))
	defer conn.Close(t.Context())
	if n := count(t, conn, `select count(*) from contacts`); n != 0 {
		t.Errorf("rows = %d, want 0", n)
	}
	t.Setenv(URLVariable, "host=/tmp")
	if _, err := locate(); err == nil || !strings.Contains(err.Error(), URLVariable) {
		t.Errorf("locate = %v, want an error about %s", err, URLVariable)
	}
}
