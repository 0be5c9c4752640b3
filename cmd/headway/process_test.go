package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a process, on a busy machine.
const patience = 2 * time.Minute

// environ is what every process of a test gets: nothing of this machine's own
// settings, and the test's data folder.
func environ(data string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + data, "HEADWAY_DATA=" + data}, more...)
}

// headway runs a command to its end and returns what it printed. It must end
// with the exit code.
func headway(t *testing.T, code int, environ []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("headway", args...)
	cmd.Env = environ
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("headway %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errOut.String())
	}
	if code != 0 {
		return errOut.String()
	}
	return out.String()
}

// process is a headway that goes on in the background.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	out bytes.Buffer // guarded by mu
}

// Write takes what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func start(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: "headway " + strings.Join(args, " "), cmd: exec.Command("headway", args...), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environ, p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its exit code is looked at by those who end it
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.output())
		}
	})
	return p
}

// says waits until the output matches and returns what the groups found.
func (p *process) says(pattern string) []string {
	p.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if found := wanted.FindStringSubmatch(p.output()); found != nil {
			return found
		}
		select {
		case <-p.ended:
			if found := wanted.FindStringSubmatch(p.output()); found != nil {
				return found
			}
			p.t.Fatalf("%s ended with %d without saying %q", p.name, p.cmd.ProcessState.ExitCode(), pattern)
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.t.Fatalf("%s did not say %q in time", p.name, pattern)
	return nil
}

// ends waits for the end and wants the exit code.
func (p *process) ends(code int, within time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("%s had not ended after %s", p.name, within)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%s: exit code %d, want %d", p.name, got, code)
	}
}

// signal sends one; terminate is SIGTERM with an orderly end.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) terminate(within time.Duration) {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.ends(0, within)
}

// nothingRuns fails when a process still works for a data folder: one whose
// command line names it, as that of every Postgres does.
func nothingRuns(t *testing.T, data string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Log("processes can be looked for on Linux only")
		return
	}
	var left []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if left = processesNaming(t, data); len(left) == 0 {
			return
		}
	}
	t.Errorf("left behind: %q", left)
}

func processesNaming(t *testing.T, data string) []string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range lines {
		line, err := os.ReadFile(name)
		if err == nil && bytes.Contains(line, []byte(data+"/")) { // a process may have ended meanwhile
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
