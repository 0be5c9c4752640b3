package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// mailServer is somebody else's mail server: a folder with its settings, its
// queue and its log, and a process that runs in the foreground.
type mailServer struct {
	name    string
	folder  string
	log     string // file that it writes
	process *exec.Cmd
	stop    func() error // tells it to end; nil: it is killed
	ended   chan error

	accepts, refuses []*regexp.Regexp // lines of the log; the first group is the client's address
	read             int64            // octets of the log that were read
	counted          map[string]*serverCount
}

// serverCount is what a server's log says of one client.
type serverCount struct {
	accepted int
	refused  int
	first    time.Time // of the first message accepted, as it was seen
	last     time.Time // of the last one
}

// launch starts the server's process.
func (m *mailServer) launch(cmd *exec.Cmd) error {
	output, err := os.Create(filepath.Join(m.folder, "output"))
	if err != nil {
		return err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own: Ctrl-C is for us, who end it in good order, and what it
	// has started itself can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", m.name, err)
	}
	m.process, m.ended, m.counted = cmd, make(chan error, 1), make(map[string]*serverCount)
	go func() { m.ended <- cmd.Wait() }()
	return nil
}

// serverPatience is how long a server may take to start or to end.
const serverPatience = 20 * time.Second

// await returns when somebody listens at the server's address.
func (m *mailServer) await(ctx context.Context, address string) error {
	err := await(ctx, serverPatience, m.name+" to listen on "+address, func() (bool, error) {
		select {
		case err := <-m.ended:
			m.ended <- err
			return false, fmt.Errorf("%s ended: %w", m.name, errors.Join(err, errors.New(m.said())))
		default:
		}
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false, nil
		}
		return true, c.Close()
	})
	if err != nil {
		return errors.Join(err, errors.New(m.said()))
	}
	return nil
}

// said returns the end of what the server told about itself.
func (m *mailServer) said() string {
	const most = 600
	output, _ := os.ReadFile(filepath.Join(m.folder, "output"))
	log, _ := os.ReadFile(m.log)
	text := append(bytes.TrimSpace(output), log...)
	return string(text[max(0, len(text)-most):])
}

// close ends the server and removes what it wrote.
func (m *mailServer) close() error {
	var problems []error
	if m.process != nil {
		if m.stop == nil || m.stop() != nil {
			m.kill()
		}
		select {
		case <-m.ended:
		case <-time.After(serverPatience):
			problems = append(problems, fmt.Errorf("%s did not end within %s", m.name, serverPatience))
			m.kill()
			<-m.ended
		}
		m.process = nil
	}
	return errors.Join(append(problems, os.RemoveAll(m.folder))...)
}

// kill ends the server and what it has started. That they have ended already is
// no problem.
func (m *mailServer) kill() { _ = syscall.Kill(-m.process.Process.Pid, syscall.SIGKILL) }

// count reads what the log has become since the last time.
func (m *mailServer) count(now time.Time) error {
	file, err := os.Open(m.log)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	text := make([]byte, info.Size()-m.read)
	if _, err := file.ReadAt(text, m.read); err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	m.read += int64(whole)
	for line := range bytes.Lines(text[:whole]) {
		m.take(line, now)
	}
	return nil
}

// take counts one line of the log.
func (m *mailServer) take(line []byte, now time.Time) {
	client := func(patterns []*regexp.Regexp) *serverCount {
		for _, p := range patterns {
			if found := p.FindSubmatch(line); found != nil {
				name := string(found[1])
				if m.counted[name] == nil {
					m.counted[name] = &serverCount{}
				}
				return m.counted[name]
			}
		}
		return nil
	}
	if c := client(m.accepts); c != nil {
		c.accepted++
		c.last = now
		if c.first.IsZero() {
			c.first = now
		}
	} else if c := client(m.refuses); c != nil {
		c.refused++
	}
}

// by returns what was counted of a client.
func (m *mailServer) by(client string) serverCount {
	if c := m.counted[client]; c != nil {
		return *c
	}
	return serverCount{}
}

// writeSettings writes a file of settings into the server's folder.
func (m *mailServer) writeSettings(name, text string) error {
	return os.WriteFile(filepath.Join(m.folder, name), []byte(text), 0o644)
}
