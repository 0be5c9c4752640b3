//go:build unix

package embedded_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/jackc/pgx/v5"
)

func TestStartMakesServesAndStops(t *testing.T) {
	t.Parallel()
	if _, _, err := embedded.FindBinaries(""); err != nil {
		t.Skip(err)
	}
	dir := emptyDir(t)
	unfinished := filepath.Join(dir, "postgres.new-killed")
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, embedded.Config{DataDir: dir, Durable: true})
	if _, err := os.Stat(unfinished); !os.IsNotExist(err) {
		t.Errorf("what an interrupted attempt left is still there: %v", err)
	}
	if s.Adopted() {
		t.Error("adopted a server in an empty folder")
	}
	got := map[string]string{}
	for _, name := range []string{"server_encoding", "lc_collate", "listen_addresses", "fsync", "data_checksums", "max_connections", "max_wal_size", "TimeZone"} {
		got[name] = query(t, s, "show "+name)
	}
	want := map[string]string{
		"server_encoding": "UTF8", "lc_collate": "C.UTF-8", "listen_addresses": "", "fsync": "on",
		"data_checksums": "on", "max_connections": "200", "max_wal_size": "2GB", "TimeZone": "UTC",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}

	pid := serverPID(t, dir)
	// The leader of a session leads its process group too.
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("server's process group = %d, %v; want its own, %d", group, err, pid)
	}
	stop(t, s)
	if alive(pid) {
		t.Errorf("the server, process %d, outlives Stop", pid)
	}
	if _, err := os.Stat(pidFile(dir)); !os.IsNotExist(err) {
		t.Errorf("pid file after Stop: %v", err)
	}
	if err := s.Stop(within(t)); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

// TestRunningServer asks one server for everything that needs no other.
func TestRunningServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, embedded.Config{DataDir: dir})

	t.Run("only its account enters", func(t *testing.T) {
		for path, want := range map[string]fs.FileMode{
			"run":                     fs.ModeDir | 0o700,
			"run/.s.PGSQL.5432":       fs.ModeSocket | 0o700,
			"postgres":                fs.ModeDir | 0o700,
			"postgres/pg_hba.conf":    0o600,
			"postgres/postmaster.pid": 0o600,
			"postgres.log":            0o600,
			"postgres.users.lock":     0o600,
		} {
			info, err := os.Lstat(filepath.Join(dir, path))
			if err != nil {
				t.Error(err)
				continue
			}
			if info.Mode() != want {
				t.Errorf("mode of %s = %v, want %v", path, info.Mode(), want)
			}
		}
	})
	t.Run("libpq understands the URL", func(t *testing.T) {
		execute(t, s, "create table kept (n int)")
		dump := filepath.Join(s.BinDir(), "pg_dump")
		if _, err := exec.LookPath(dump); err != nil {
			t.Skip(err)
		}
		out, err := exec.Command(dump, "--schema-only", s.URL("postgres")).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "CREATE TABLE public.kept") {
			t.Errorf("pg_dump: %v\n%s", err, out)
		}
	})
	t.Run("Create is repeatable", func(t *testing.T) {
		for range 2 {
			if err := s.Create(within(t), `head"way`); err != nil {
				t.Fatal(err)
			}
		}
		if got := query(t, s, `select count(*)::text from pg_database where datname = 'head"way'`); got != "1" {
			t.Errorf("databases of that name = %s, want 1", got)
		}
		conn, err := pgx.Connect(within(t), s.URL(`head"way`))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close(within(t))
	})
	t.Run("is not adopted where fsync is needed", func(t *testing.T) {
		_, err := embedded.Start(within(t), embedded.Config{DataDir: dir, Durable: true})
		wantError(t, err, "fsync off")
	})
}

func TestAdoptsAfterOwnerWasKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	owner := startHolder(t, dir)
	if owner.adopted {
		t.Error("the owner adopted a server, want started")
	}
	pid := serverPID(t, dir)
	owner.kill(t)
	if !alive(pid) {
		t.Fatal("the server died with its owner")
	}
	s := start(t, embedded.Config{DataDir: dir})
	if !s.Adopted() || serverPID(t, dir) != pid {
		t.Errorf("adopted = %v, process %d; want the running process %d", s.Adopted(), serverPID(t, dir), pid)
	}
	if _, err := exec.LookPath(filepath.Join(s.BinDir(), "postgres")); err != nil {
		t.Errorf("programs of the adopted server: %v", err)
	}
	query(t, s, "select version()")
	stop(t, s)
	awaitGone(t, pid)
}

func TestLastOneOutStopsServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for _, c := range []struct {
		name  string
		first func(*holder, *testing.T)
	}{
		{"first leaves", (*holder).leave},
		{"first is killed", (*holder).kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := startHolder(t, dir)
			s := start(t, embedded.Config{DataDir: dir})
			second := startHolder(t, dir)
			if first.adopted || !s.Adopted() || !second.adopted {
				t.Errorf("adopted = %v, %v, %v; want only the first to start it", first.adopted, s.Adopted(), second.adopted)
			}
			c.first(first, t)
			query(t, s, "select 'still here'")
			second.leave(t)
			query(t, s, "select 'still here'")
			pid := serverPID(t, dir)
			stop(t, s)
			awaitGone(t, pid)
		})
	}
}

func TestStartsInDeepFolder(t *testing.T) {
	t.Parallel()
	shallow := dataDir(t)
	dir := filepath.Join(shallow, strings.Repeat("deep/", 20))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(shallow, "postgres"), filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	s := start(t, embedded.Config{DataDir: dir})
	query(t, s, "select version()")
	if run := filepath.Join(dir, "run"); strings.Contains(s.URL("x"), run) {
		t.Errorf("socket in %s, whose path is too long", run)
	}
}

func TestOperatorSettings(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	write := func(settings string) {
		if err := os.WriteFile(filepath.Join(dir, "postgresql.local.conf"), []byte(settings), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("shared_buffers = 'plenty'\n")
	_, err := embedded.Start(within(t), embedded.Config{DataDir: dir})
	wantError(t, err, "did not start", "configuration file", "postgres.log")

	write("work_mem = '7MB'\nmax_connections = 50\nport = 1\n")
	s := start(t, embedded.Config{DataDir: dir})
	for name, want := range map[string]string{"work_mem": "7MB", "max_connections": "50", "port": "5432"} {
		if got := query(t, s, "show "+name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
}

// wantError checks that an error says all of it, on one line.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one about %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}
