package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoWithin is what a small demo may take on a busy machine; by itself it gives
// up only after four minutes and the lifetime of a message.
const demoWithin = 6 * time.Minute

// good fails unless a demo ended with every check passed.
func good(t *testing.T, demo *process) {
	t.Helper()
	demo.ends(0, demoWithin)
	out := demo.output()
	if strings.Contains(out, "✗") || strings.Count(out, "✓") < 5 {
		t.Errorf("not every check passed:\n%s", out)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	demo := start(t, environ(data), "demo", "--exit", "--contacts", "300", "--web-listen", "127.0.0.1:0")
	good(t, demo)
	nothingRuns(t, data)
}

// TestDemoGoesOnAfterSIGKILL: what the killed one had not done, the next does.
func TestDemoGoesOnAfterSIGKILL(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	args := []string{"demo", "--exit", "--contacts", "300", "--web-listen", "127.0.0.1:0"}
	killed := start(t, environ(data), args...)
	killed.says(`[1-9]\d* of \d+ delivered`)
	killed.signal(syscall.SIGKILL)
	killed.ends(-1, patience)
	demo := start(t, environ(data), args...)
	demo.says("Continuing   the demo that was interrupted")
	good(t, demo)
	nothingRuns(t, data)
}

func TestDemoEndsWithSIGTERM(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	demo := start(t, environ(data), "demo", "--contacts", "300", "--web-listen", "127.0.0.1:0")
	demo.says(`[1-9]\d* of \d+ delivered`)
	demo.signal(syscall.SIGTERM)
	demo.ends(0, drainWithin)
	nothingRuns(t, data)
}

// TestDemoOfAnotherInternet: other names, harder limits, a fifth of all
// addresses gone, and a maintenance window that begins with the campaign.
func TestDemoOfAnotherInternet(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	file := filepath.Join(data, "harsh.yaml")
	if err := os.WriteFile(file, []byte(harsh), 0o644); err != nil {
		t.Fatal(err)
	}
	demo := start(t, environ(data), "demo", "--exit", "--sandbox", file, "--web-listen", "127.0.0.1:0")
	good(t, demo)
	nothingRuns(t, data)
}

const harsh = `seed: 99
providers:
  - name: Granite
    domains: [granite.example, basalt.example]
    share: 40%
    latency: {connect: 15ms, reply: 5ms, message: 30ms}
    limits:
      - bucket: {rate: 8/s, burst: 8}
        answer: {phase: mail, code: 421, enhanced: 4.7.28, text: "Too fast"}
    lanes:
      - max: 2
    mailboxes: {unknown: 20%}
  - name: Slate
    domains: [slate.invalid]
    share: 20%
    outages:
      - for: 10s
    mailboxes: {unknown: 20%, full: 2%, full_for: 8s}
  - name: Quartz
    series: {pattern: "office{n}.invalid", count: 30}
    greylist: {by: triple, delay: 6s}
    session: {messages: 5}
    mailboxes: {disabled: 20%}
dns:
  special:
    - {domain: away.invalid, kind: servfail, contacts: 3}
    - {domain: gone.example, kind: nxdomain, contacts: 3}
contacts:
  count: 250
  fields: [first_name]
  duplicates: 5
  bad: {no_at: 5, empty: 5}
people:
  unsubscribe: 3%
  after: 1s
  within: 3s
`
