package mailserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Setup is what whoever starts a program wants of it. Its texts are filled in like
// those of a [Program].
type Setup struct {
	Name    string            // of the machine that the program believes to run on, such as mx.exim.test
	Address string            // IP address and port that it listens on; "" is a free port of 127.0.0.1
	Files   map[string]string // that it reads, by their names in its folder; what is usual stands before them
	Prepare string            // commands of the shell, run by root in the namespaces before the program starts
}

// Server is a program at work.
type Server struct {
	Folder  string // its settings, its queue, its log, and whatever its settings put there
	Address string // IP address and port that it listens on

	program Program
	setup   Setup

	process  *exec.Cmd
	lifeline io.Closer     // open as long as the program may live
	ended    chan struct{} // closed when everything that it started is gone
	exit     error         // of the process, once it has ended
}

// patience is how long a program may take to start or to end, on a machine with
// other work.
const patience = time.Minute

// Start starts a program and returns when it listens. After the end of ctx, or of
// a minute, it is not waited for any more.
func Start(ctx context.Context, p Program, setup Setup) (*Server, error) {
	s := &Server{Address: setup.Address, program: p, setup: setup}
	var err error
	if s.Address == "" {
		if s.Address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	if s.Folder, err = os.MkdirTemp("", "headway-mail-"); err != nil {
		return nil, err
	}
	if err := s.start(ctx, setup.Files); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w\n%s", s, err, s.Said()), s.Close())
	}
	return s, nil
}

// Restart ends the program at once, as a loss of power does, and starts it again
// in the same folder with other files.
func (s *Server) Restart(ctx context.Context, files map[string]string) error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.start(ctx, files); err != nil {
		return fmt.Errorf("start %s again: %w\n%s", s, err, s.Said())
	}
	return nil
}

// Close ends the program and all that it started, and removes its folder.
func (s *Server) Close() error { return errors.Join(s.stop(), os.RemoveAll(s.Folder)) }

// String names the program and its machine.
func (s *Server) String() string { return s.program.Name + " of " + s.setup.Name }

// Log returns the file into which the program writes what becomes of mail.
func (s *Server) Log() string { return filepath.Join(s.Folder, s.program.logs[0]) }

// Said returns the end of what the program said and logged.
func (s *Server) Said() string {
	const most = 6000 // octets of each
	var said strings.Builder
	for _, name := range append([]string{"output"}, s.program.logs...) {
		if text, _ := os.ReadFile(filepath.Join(s.Folder, name)); len(text) > 0 {
			fmt.Fprintf(&said, "%s, %s:\n%s\n", s, name, bytes.TrimSpace(text[max(0, len(text)-most):]))
		}
	}
	return said.String()
}

func (s *Server) start(ctx context.Context, files map[string]string) error {
	if err := s.layOut(files); err != nil {
		return err
	}
	if err := s.run(); err != nil {
		return err
	}
	return s.await(ctx)
}

// layOut writes what the program reads. Other accounts may enter its folder.
func (s *Server) layOut(files map[string]string) error {
	if err := os.Chmod(s.Folder, 0o755); err != nil {
		return err
	}
	all, err := s.surroundings()
	if err != nil {
		return err
	}
	maps.Copy(all, s.program.usual)
	for name, text := range files {
		all[name] = s.program.usual[name] + text
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(s.Folder, name), []byte(s.fill(text)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fill puts what only this server knows into a text.
func (s *Server) fill(text string) string {
	host, port, _ := net.SplitHostPort(s.Address)
	return strings.NewReplacer("{folder}", s.Folder, "{name}", s.setup.Name, "{host}", host, "{port}", port).Replace(text)
}

// run starts the program's process.
func (s *Server) run() error {
	output, err := os.OpenFile(filepath.Join(s.Folder, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	s.process = inNamespaces("sh", "-ec", s.script())
	s.process.Stdout, s.process.Stderr = output, output
	// A group of its own: Ctrl-C is for us, who end it in good order.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.lifeline, err = s.process.StdinPipe(); err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.ended = ended
	go func() {
		s.exit = s.process.Wait()
		close(ended)
	}()
	return nil
}

// await returns when somebody listens at the server's address.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it ended: %w", cmp.Or(s.exit, errors.New("without an error")))
		case <-ctx.Done():
			return fmt.Errorf("nobody listens on %s: %w", s.Address, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process and all that it started, and waits until they are gone.
func (s *Server) stop() error {
	if s.ended == nil {
		return nil
	}
	_ = s.lifeline.Close() // fails when the process has ended, which is no problem
	select {
	case <-s.ended:
		return nil
	case <-time.After(patience):
		_ = s.process.Process.Kill() // --kill-child kills the namespaces with it
		<-s.ended
		return fmt.Errorf("%s did not end within %s", s, patience)
	}
}

// freeAddress returns an address on loopback where nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
