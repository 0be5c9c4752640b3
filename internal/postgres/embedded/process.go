//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// errExited says that a server ended instead of accepting connections, and
// errOccupied that it gave way to another one: to what is left of a server
// that was killed, or to one that has just been spawned by a headway that was
// killed, and had no pid file yet when we looked for it.
var (
	errExited   = errors.New("postgres did not start")
	errOccupied = fmt.Errorf("%w on a folder in use", errExited)
)

// maxLog is the size in bytes past which a start sets the log aside: years of
// a healthy server's words.
const maxLog = 16 << 20

// process is a server that this process spawned. Nothing waits for its end in
// the background: it may outlive us, and before that we look at it when it
// matters.
type process struct {
	home    *home
	pid     int
	ended   bool
	logFrom int64 // where in the log file its words begin
}

// reap reports whether the process has ended, and lets the kernel forget it.
// It may be called on nil, for a server that somebody else spawned.
func (p *process) reap() bool {
	if p == nil || p.ended {
		return true
	}
	pid, err := syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
	p.ended = pid == p.pid || errors.Is(err, syscall.ECHILD)
	return p.ended
}

// spawn starts the server program. Its output goes to a file, since a pipe
// would break with our own end.
func (h *home) spawn(program string) (*process, error) {
	logTo, err := h.openLog()
	if err != nil {
		return nil, explainDataDir(h.dir, err)
	}
	defer logTo.Close()
	info, err := logTo.Stat()
	if err != nil {
		return nil, explainDataDir(h.dir, err)
	}
	cmd := h.account.command(exec.Command(program, "-D", h.cluster(), "-c", "config_file="+h.settings()), h.cluster())
	cmd.Stdout, cmd.Stderr = logTo, logTo
	if err := cmd.Start(); err != nil {
		return nil, h.explainExec(filepath.Dir(program), err)
	}
	p := &process{home: h, pid: cmd.Process.Pid, logFrom: info.Size()}
	return p, cmd.Process.Release()
}

// openLog opens the server's log for appending.
func (h *home) openLog() (*os.File, error) {
	if info, err := os.Stat(h.logFile()); err == nil && info.Size() > maxLog {
		if err := os.Rename(h.logFile(), h.logFile()+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(h.logFile(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// explainExec says what to do when a program of Postgres could not be run as
// the account at all.
func (h *home) explainExec(binDir string, err error) error {
	if err == nil || !errors.Is(err, fs.ErrPermission) || !h.account.foreign {
		return err
	}
	return fmt.Errorf("user %s, who runs postgres for root, cannot enter %s or run the programs in %s: %w; set HEADWAY_DATA to a folder that this user can reach (the default is %s)",
		h.account, h.dir, binDir, err, rootDataDir)
}

// await waits until the server accepts connections. If it does not before ctx
// ends, the server is ended.
func (p *process) await(ctx context.Context, log *slog.Logger, url string) error {
	recovering := false
	for {
		conn, err := connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		if !errors.Is(err, errNotReady) && ctx.Err() == nil {
			p.kill()
			return err
		}
		var refused *pgconn.PgError
		if !recovering && errors.As(err, &refused) {
			recovering = true
			log.Info("postgres recovers; this takes a while after a crash", "data", p.home.cluster())
		}
		if p.reap() {
			return p.explainEnd()
		}
		if err := pause(ctx); err != nil {
			p.kill()
			return fmt.Errorf("wait for postgres on %s to start: %w", p.home.cluster(), err)
		}
	}
}

// kill ends the server without a checkpoint and waits for its end. Nothing is
// lost: the next start recovers.
func (p *process) kill() {
	_ = syscall.Kill(p.pid, syscall.SIGQUIT)
	for !p.reap() {
		_ = pause(context.Background())
	}
}

// explainEnd returns why the server ended by itself.
func (p *process) explainEnd() error {
	words, reason := p.lastWords(), errExited
	for _, occupied := range []string{"pre-existing shared memory block", "postmaster.pid\" already exists"} {
		if strings.Contains(words, occupied) {
			reason = errOccupied
		}
	}
	return fmt.Errorf("%w: %s (its log is %s)", reason, words, p.home.logFile())
}

// lastWords returns why the server ended, in its own words: the lines that it
// calls FATAL, or else its last line.
func (p *process) lastWords() string {
	f, err := os.Open(p.home.logFile())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, p.logFrom, maxLog))
	if err != nil {
		return err.Error()
	}
	var fatal, last string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		for _, level := range []string{"FATAL:", "PANIC:", "HINT:"} {
			if _, words, ok := strings.Cut(line, level); ok {
				fatal = strings.TrimPrefix(fatal+"; "+strings.TrimSpace(words), "; ")
			}
		}
	}
	switch {
	case fatal != "":
		return fatal
	case last != "":
		return last
	}
	return "it ended without a word"
}
