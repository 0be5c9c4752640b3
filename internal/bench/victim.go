package bench

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// victim is the process that sends, and is killed.
type victim struct {
	binary  string
	environ []string
	quiet   bool // what it logs is not wanted: it is in trouble on purpose
	process *exec.Cmd
}

// newVictim prepares a `headway serve` with settings of its own: they name the
// database that it works for, and a sandbox as all that it can reach.
func newVictim(binary string, settings map[string]string) (*victim, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"HEADWAY_WEB_LISTEN=" + listen, "HEADWAY_WEB_PUBLIC_URL=http://" + listen, "HEADWAY_LOG_LEVEL=warn"}
	for name, value := range settings {
		environ = append(environ, name+"="+value)
	}
	return &victim{binary: binary, environ: environ}, nil
}

// freePort returns a loopback address that is free now and, with luck, stays so.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// startWithin is how long the process may take until its pages are up.
const startWithin = time.Minute

// start runs the process and returns when it says that it is up.
func (v *victim) start() error {
	v.process = exec.Command(v.binary, "serve")
	v.process.Env = v.environ
	if !v.quiet {
		v.process.Stderr = os.Stderr
	}
	out, err := v.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := v.process.Start(); err != nil {
		v.process = nil // there is none to stop
		return fmt.Errorf("start %s: %w", v.binary, err)
	}
	up := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "Headway is ") {
			err = fmt.Errorf("it said %q", line)
		}
		up <- err
	}()
	select {
	case err = <-up:
	case <-time.After(startWithin):
		err = errors.New("it was not up in time")
	}
	if err != nil {
		v.kill()
		return fmt.Errorf("start %s serve: %w", v.binary, err)
	}
	return nil
}

// kill ends the process with SIGKILL, without any warning, and waits until it
// is gone.
func (v *victim) kill() {
	if v.process == nil {
		return
	}
	_ = v.process.Process.Kill() // it may have ended by itself: Wait tells nothing more
	_ = v.process.Wait()
	v.process = nil
}

// stopWithin is how long a process may take to drain: a little longer than a
// node gives to messages in flight.
const stopWithin = 20 * time.Second

// stop has the process drain, and waits until it is gone.
func (v *victim) stop() error {
	if v.process == nil {
		return nil
	}
	process := v.process
	v.process = nil
	if err := process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", v.binary, err)
	}
	late := time.AfterFunc(stopWithin, func() { _ = process.Process.Kill() })
	err := process.Wait()
	if !late.Stop() {
		return fmt.Errorf("%s did not end within %s after SIGTERM", v.binary, stopWithin)
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", v.binary, err)
	}
	return nil
}

// url is where its pages are.
func (v *victim) url() string {
	for _, e := range v.environ {
		if listen, ok := strings.CutPrefix(e, "HEADWAY_WEB_LISTEN="); ok {
			return "http://" + listen
		}
	}
	return ""
}
