package bench_test

import (
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headwaymail/headway/internal/bench"
	"github.com/headwaymail/headway/internal/cli"
	"github.com/headwaymail/headway/internal/config"
)

// TestMain puts the whole program into PATH as the victim.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"headway": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }})
}

// TestKill is `headway bench kill` with few rounds: nobody lost, doubt bounded,
// and mail flows again in time.
func TestKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	binary, err := exec.LookPath("headway")
	if err != nil {
		t.Fatal(err)
	}
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
	c.Data, c.Web.Listen = data, "127.0.0.1:0"
	result, err := bench.Kill(t.Context(), bench.KillOptions{Binary: binary, Rounds: 3, Contacts: 1500, Config: c,
		Log: slog.New(slog.DiscardHandler), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rounds) != 3 || result.Targeted == 0 || result.Delivered == 0 {
		t.Errorf("%d rounds, %d targeted, %d delivered: nothing was shown", len(result.Rounds), result.Targeted, result.Delivered)
	}
	for _, words := range result.Wrong() {
		t.Error(words)
	}
}
