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
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// errExited says that a server ended instead of accepting connections.
var errExited = errors.New("postgres did not start")

// maxLog is the size in bytes past which a start sets the log aside: years of
// a healthy server's words.
const maxLog = 16 << 20

// process is a server that this process spawned.
type process struct {
	home    *home
	cmd     *exec.Cmd
	gone    chan struct{} // closed when the process has ended and was reaped
	logFrom int64         // where in the log file its words begin
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
	p := &process{home: h, cmd: cmd, gone: make(chan struct{}), logFrom: info.Size()}
	go func() {
		defer close(p.gone)
		_ = cmd.Wait() // the log says more than the exit status
	}()
	return p, nil
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
		select {
		case <-p.gone:
			return fmt.Errorf("%w: %s (its log is %s)", errExited, p.lastWords(), p.home.logFile())
		case <-ctx.Done():
			p.kill()
			return fmt.Errorf("wait for postgres on %s to start: %w", p.home.cluster(), context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// kill ends the server without a checkpoint and waits for its end. Nothing is
// lost: the next start recovers.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.gone
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
