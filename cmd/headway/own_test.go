package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/sandbox"
)

// world is what a person has who tries Headway with data of their own: a data
// folder, a sandbox in a process of its own, and the files.
type world struct {
	*testing.T
	data    string
	environ []string
	sandbox *process
}

// newWorld makes a signing key, starts a sandbox that publishes it, and writes
// the settings that the sandbox prints into the data folder.
func newWorld(t *testing.T, description string) *world {
	t.Helper()
	w := &world{T: t, data: shortDir(t)}
	w.environ = environ(w.data)
	var records []struct{ Name, Value string }
	generated := headway(t, 0, append(w.environ, "HEADWAY_SANDBOX_ENABLED=true", "HEADWAY_DNS_SERVERS=127.0.0.1:9"),
		"dkim", "generate", "letters.test", "--selector", "autumn", "--json")
	if err := json.Unmarshal([]byte(generated), &records); err != nil || len(records) != 1 {
		t.Fatalf("%v in %s", err, generated)
	}
	w.write("sandbox.yaml", fmt.Sprintf("%s\ndns:\n  records:\n    - %q\n", description, records[0].Name+" TXT "+records[0].Value))
	w.write("letter.md", "# Autumn\n\nHello {{ first_name | default: \"you\" }}\n\n[Leave]({{ unsubscribe_url }})\n")
	headway(t, 0, w.environ, "sandbox", "check", w.path("sandbox.yaml"))
	w.sandbox = start(t, w.environ, "sandbox", "--config", w.path("sandbox.yaml"),
		"--record", w.path("received.jsonl"), "--contacts", w.path("contacts.csv"))
	printed := w.sandbox.says(`(?s)with these settings:\n(.*)\nCtrl-C ends it`)
	w.write("headway.toml", printed[1]+"\n[web]\nlisten = \"127.0.0.1:0\"\n")
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.data, name) }

func (w *world) write(name, content string) {
	w.Helper()
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.Fatal(err)
	}
}

// headway runs a command that must go well.
func (w *world) headway(args ...string) string {
	w.Helper()
	return headway(w.T, 0, w.environ, args...)
}

// serve starts a node and waits until its pages are up.
func (w *world) serve() *process {
	w.Helper()
	node := start(w.T, w.environ, "serve")
	node.says(`Headway is at http://127\.0\.0\.1:\d+\n`)
	return node
}

// draft imports the contacts and makes a campaign of the letter.
func (w *world) draft() {
	w.Helper()
	w.headway("import", w.path("contacts.csv"), "--list", "Readers")
	w.headway("campaign", "create", "--name", "Autumn", "--from", "news@letters.test", "--from-name", "The Letter",
		"--subject", `{{ first_name | default: "Dear reader" }}, our autumn letter`, "--body", w.path("letter.md"), "--list", "Readers")
}

// totals are the counters of the campaign's report.
func (w *world) totals() map[string]int {
	w.Helper()
	var report struct {
		Campaign struct{ Counters map[string]int }
	}
	text := w.headway("campaign", "report", "Autumn", "--json")
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		w.Fatal(err)
	}
	return report.Campaign.Counters
}

// received returns the campaign's messages in the sandbox's record.
func (w *world) received() []sandbox.Message {
	w.Helper()
	record, err := os.ReadFile(w.path("received.jsonl"))
	if err != nil {
		w.Fatal(err)
	}
	var messages []sandbox.Message
	for text := range strings.Lines(string(record)) {
		if !strings.HasSuffix(text, "\n") {
			break // it is being written
		}
		var line struct{ Message *sandbox.Message }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.Fatal(err)
		}
		if line.Message != nil {
			messages = append(messages, *line.Message)
		}
	}
	return messages
}

// drainWithin is what a node may take after SIGTERM: ten seconds for messages
// in flight, and a busy machine's time to stop a database.
const drainWithin = 10*time.Second + 5*time.Second

const fewProviders = `seed: 7
providers:
  - name: Northmail
    domains: [northmail.test, nmail.example]
    share: 60%
    latency: {connect: 5ms, reply: 2ms, message: 10ms}
  - name: Harborbox
    domains: [harbor.test]
    latency: {connect: 5ms, reply: 2ms, message: 20ms}
contacts:
  count: 150
  fields: [first_name]
  bad: {no_at: 3, empty: 2}
`

// TestYourOwnData goes the way of someone who has a contact list and a letter.
func TestYourOwnData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fewProviders)
	node := w.serve()
	w.draft()
	tested := w.headway("campaign", "test", "Autumn", "--to", "someone@northmail.test")
	if !strings.Contains(tested, "someone@northmail.test: Delivered. 250") {
		t.Errorf("the test ended with %q", tested)
	}
	w.headway("campaign", "launch", "Autumn")
	if watched := w.headway("campaign", "watch", "Autumn"); !strings.Contains(watched, "Autumn: Finished · 145 of 145 delivered") {
		t.Errorf("watched:\n%s", watched)
	}
	n := w.totals()
	if n["targeted"] != 145 || n["delivered"] != 145 {
		t.Errorf("totals %v", n)
	}
	if report := w.headway("campaign", "report", "Autumn"); !regexp.MustCompile(`Northmail|northmail`).MatchString(report) {
		t.Errorf("the report names no provider:\n%s", report)
	}
	w.headway("check")
	node.terminate(drainWithin)
	w.sandbox.terminate(drainWithin)
	seen := make(map[string]bool)
	for _, m := range w.received() {
		if m.DKIM.Result != sandbox.DKIMPass || !m.DKIM.Aligned || len(m.DKIM.Missing) > 0 {
			t.Errorf("%s: DKIM %+v", m.Recipient, m.DKIM)
		}
		if !m.OneClick || !strings.HasPrefix(m.Unsubscribe, "http://127.0.0.1:") {
			t.Errorf("%s: no way out: %q, one click %t", m.Recipient, m.Unsubscribe, m.OneClick)
		}
		if seen[m.MessageID] {
			t.Errorf("%s got the message twice", m.Recipient)
		}
		seen[m.MessageID] = true
	}
	if len(seen) != 145+1 {
		t.Errorf("receivers hold %d messages, want 145 and the test", len(seen))
	}
	nothingRuns(t, w.data)
}

// slowProviders keep two nodes busy for some seconds.
const slowProviders = `seed: 8
providers:
  - name: Northmail
    domains: [northmail.test]
    share: 50%
    latency: {connect: 20ms, reply: 10ms, message: 200ms}
  - name: Harborbox
    domains: [harbor.test]
    latency: {connect: 20ms, reply: 10ms, message: 200ms}
contacts:
  count: 600
`

// TestTwoNodesAndSIGTERM: one of two nodes is ended in the middle of a campaign.
// It finishes what it has in flight, in time, and the other does the rest.
func TestTwoNodesAndSIGTERM(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slowProviders)
	first, second := w.serve(), w.serve()
	w.draft()
	w.headway("campaign", "launch", "Autumn")
	awaitDelivered(w, 20)
	began := time.Now()
	first.terminate(drainWithin)
	t.Logf("drained in %s", time.Since(began).Round(10*time.Millisecond))
	if n := w.totals(); n["delivered"] == n["targeted"] {
		t.Error("the campaign was over already: the test shows nothing")
	}
	w.headway("campaign", "watch", "Autumn")
	w.headway("check")
	if n := w.totals(); n["targeted"] != 600 || n["delivered"] != 600 || n["in_doubt"] != 0 {
		t.Errorf("totals %v", n)
	}
	second.terminate(drainWithin)
	w.sandbox.terminate(drainWithin)
	if got := len(w.received()); got != 600 {
		t.Errorf("receivers hold %d messages, want 600, each once", got)
	}
	nothingRuns(t, w.data)
}

// awaitDelivered waits until receivers hold at least so many messages.
func awaitDelivered(w *world, least int) {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if len(w.received()) >= least {
			return
		}
	}
	w.Fatalf("receivers do not hold %d messages in time", least)
}

// A node without pages says what it is there for.
func TestNodeWithoutPages(t *testing.T) {
	node := start(t, append(environ(shortDir(t)), "HEADWAY_ROLES=lanes,bulk", "HEADWAY_SANDBOX_ENABLED=true", "HEADWAY_DNS_SERVERS=127.0.0.1:9"), "serve")
	node.says(`Headway is up, without pages: lanes, bulk\n`)
	node.terminate(drainWithin)
}
