package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// byTheWay is what a node learns by the way: it is written every ten seconds, and
// once more when the node ends.
var byTheWay = regexp.MustCompile(`"(updated_at": "[^"]*"|(refusal_budget|Latency)": [0-9.]+)`)

// TestBackupRoundTrip loses a data folder and gets everything back elsewhere,
// through the real pg_dump and pg_restore.
func TestBackupRoundTrip(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		t.Skip("pg_dump is not in PATH")
	}
	w := newWorld(t, fewProviders)
	node := w.serve()
	w.draft()
	w.headway("campaign", "launch", "Autumn")
	w.headway("campaign", "watch", "Autumn")
	dump := w.path("headway.dump")
	if said := w.headway("backup", dump); !strings.Contains(said, "secret.key") { // while the node runs
		t.Errorf("nothing is said of the key: %q", said)
	}
	state := func(environ []string) []string {
		return []string{byTheWay.ReplaceAllString(headway(t, 0, environ, "campaign", "report", "Autumn", "--json"), ""),
			headway(t, 0, environ, "dkim", "list"), headway(t, 0, environ, "check", "--json"),
			headway(t, 0, environ, "campaign", "list", "--json"),
			byTheWay.ReplaceAllString(headway(t, 0, environ, "providers", "--json"), "")}
	}
	want := state(w.environ)

	if said := headway(t, 1, w.environ, "restore", dump, "--replace"); !strings.Contains(said, "is running; stop it before restoring") {
		t.Errorf("with a node at work: %q", said)
	}
	node.terminate(drainWithin)
	if said := headway(t, 1, w.environ, "restore", dump); !strings.Contains(said, "with --replace they are given up") {
		t.Errorf("onto a database with content: %q", said)
	}
	if said := headway(t, 1, w.environ, "restore", w.path("contacts.csv"), "--replace"); !strings.Contains(said, "contacts.csv is not a backup") {
		t.Errorf("from a file that is none: %q", said)
	}
	if said := headway(t, 1, w.environ, "restore", w.path("missing.dump")); !strings.Contains(said, "missing.dump") {
		t.Errorf("from a file that does not exist: %q", said)
	}
	whole, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	w.write("torn.dump", string(whole[:len(whole)*9/10]))
	headway(t, 1, w.environ, "restore", w.path("torn.dump"), "--replace")
	if diff := cmp.Diff(want, state(w.environ)); diff != "" {
		t.Errorf("a refused restore changed something (-before +after)\n%s", diff)
	}

	// Everything that came after the backup is given up.
	w.headway("import", w.path("contacts.csv"), "--list", "Later")
	w.headway("campaign", "create", "--name", "Winter", "--from", "news@letters.test", "--subject", "Hi",
		"--body", w.path("letter.md"), "--list", "Later")
	w.headway("restore", dump, "--replace")
	if diff := cmp.Diff(want, state(w.environ)); diff != "" {
		t.Errorf("restored in place (-want +got)\n%s", diff)
	}

	// Another machine: the key was forgotten, and is brought along later.
	there := shortDir(t)
	elsewhere := environ(there, "HEADWAY_CONFIG="+w.path("headway.toml"))
	if said := headway(t, 1, elsewhere, "restore", dump); !strings.Contains(said, "another secret key") || !strings.Contains(said, "secret.key") {
		t.Errorf("without the key: %q", said)
	}
	if said := headway(t, 1, elsewhere, "dkim", "list"); !strings.Contains(said, "another secret key") {
		t.Errorf("without the key, later: %q", said)
	}
	key, err := os.ReadFile(w.path("secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there+"/secret.key", key, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, state(elsewhere)); diff != "" {
		t.Errorf("restored elsewhere (-want +got)\n%s", diff)
	}
	nothingRuns(t, there)
}
