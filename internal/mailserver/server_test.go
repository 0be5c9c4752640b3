package mailserver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell is a program of ours that Debian does not have.
func shell(t *testing.T, command string) Program {
	t.Helper()
	p := Program{Name: "Shell", path: "/bin/sh", command: command, accounts: []string{"Debian-exim"}, logs: []string{"log"}}
	if err := p.Ready(); err != nil {
		t.Skip(err)
	}
	return p
}

func TestReady(t *testing.T) {
	t.Parallel()
	shell(t, "true")
	err := Sendmail.Unpacked("/nowhere/usr/libexec/sendmail/sendmail").Ready()
	if err == nil || !strings.Contains(err.Error(), "not at /nowhere/usr/libexec/sendmail/sendmail: apt-get install sendmail-bin") {
		t.Error(err)
	}
}

// A program that ends instead of listening is not waited for, and what it said
// stands in the error.
func TestStartTellsWhatWasSaid(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), shell(t, "sh {folder}/program"), Setup{Name: "mx.shell.test", Files: map[string]string{
		"program": "echo $(hostname) has no $(id -u Debian-exim); echo {host} >{folder}/log; exit 3"}})
	if err == nil {
		t.Fatal("it started", s.Close())
	}
	for _, want := range []string{"start Shell of mx.shell.test: it ended: exit status 3", "output:\nmx.shell.test has no 9900\n", "log:\n127.0.0.1\n"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nis without %q", err, want)
		}
	}
}

// What a program has started ends with it, even as somebody else and in a session
// of its own; the folder is gone.
func TestEnd(t *testing.T) {
	t.Parallel()
	p := shell(t, "setpriv --reuid nobody setsid sh {folder}/program")
	folder, err := os.MkdirTemp("", "headway-mail-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &Server{Folder: folder, Address: "127.0.0.1:1", program: p, setup: Setup{Name: "mx.shell.test"}}
	started := make(chan error, 1)
	go func() {
		started <- s.start(ctx, map[string]string{"child": "sleep 1000; true",
			"program": "setsid sh {folder}/child & setsid sh {folder}/child & wait"})
	}()
	for deadline := time.Now().Add(patience); len(running(t, s.Folder+"/child")) < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not run:", s.Said())
		}
	}
	cancel()
	if err := <-started; err == nil {
		t.Error("somebody listened")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := running(t, s.Folder); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
	if _, err := os.Stat(s.Folder); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// running returns the commands of processes whose command line names something.
func running(t *testing.T, what string) []string {
	t.Helper()
	var found []string
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		line, _ := os.ReadFile(name) // it may have ended
		if strings.Contains(string(line), what) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// TestRestart keeps what the program stored.
func TestRestart(t *testing.T) {
	t.Parallel()
	const serve = `exec /usr/bin/python3 -c "import socket; s = socket.create_server(('{host}', {port})); s.accept(); s.accept()"`
	if err := exec.Command("/usr/bin/python3", "-c", "import socket").Run(); err != nil {
		t.Skip("python3 is not installed")
	}
	s, err := Start(t.Context(), shell(t, "sh {folder}/program"), Setup{Name: "mx.shell.test", Files: map[string]string{"program": "echo stored >{folder}/log\n" + serve}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context(), map[string]string{"program": "echo again >>{folder}/log\n" + serve}); err != nil {
		t.Error(err)
	}
	if log, err := os.ReadFile(s.Log()); string(log) != "stored\nagain\n" {
		t.Errorf("%q, %v", log, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
