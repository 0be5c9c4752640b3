package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

// TestMain puts the whole program into PATH under its own name: this test
// program, which then does nothing but main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"headway": main})
}

// TestScripts plays testdata/script: each script has a data folder and a
// database of its own, and settings that can reach no network at all.
//
//	exits CODE headway ARGS…   runs the program, which must end with CODE
//	json stdout                what was printed is JSON, value by value
//	met KEY NAME               a provider becomes known, and the source of a node
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"DATABASE_URL":            pgtest.Database(env.T().(testing.TB), postgres.Migrate, postgres.MigrationsFingerprint()),
				"HEADWAY_DATA":            filepath.Join(env.WorkDir, "data"),
				"HEADWAY_SANDBOX_ENABLED": "true",
				"HEADWAY_DNS_SERVERS":     "127.0.0.1:9", // discard: nobody answers
				"HOME":                    env.WorkDir,
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "json": isJSON, "met": met},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	err = ts.Exec(args[1], args[2:]...)
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// met enters what a node enters when it starts and resolves its first domain.
func met(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: met KEY NAME")
	}
	ctx := context.Background()
	store, err := postgres.Open(ctx, ts.Getenv("DATABASE_URL"), 1)
	ts.Check(err)
	defer store.Close()
	_, err = store.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	ts.Check(err)
	_, err = store.Pool().Exec(ctx, `insert into providers (key, name) values ($1, $2)`, args[0], args[1])
	ts.Check(err)
}

func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	values := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for found := 0; ; found++ {
		var value any
		err := values.Decode(&value)
		if errors.Is(err, io.EOF) && found > 0 {
			return
		}
		if err != nil {
			ts.Fatalf("%s is no JSON: %v", args[0], err)
		}
		if value == nil {
			ts.Fatalf("%s is null", args[0])
		}
	}
}

// shortDir makes a data folder that Postgres' own account may pass through,
// and whose path leaves room for that of a socket (107 bytes).
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hw-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
