//go:build unix

package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// locales are tried in order until initdb knows one. C.UTF-8 sorts by code
// point and knows the letters of all scripts; macOS has it only since
// version 14 and offers the same as C with UTF-8 letters; C knows only ASCII
// letters.
var locales = [][]string{
	{"--locale=C.UTF-8"},
	{"--locale=C", "--lc-ctype=UTF-8"},
	{"--locale=C"},
}

// draftPrefix begins the names of the folders that clusters are made in.
const draftPrefix = "postgres.new-"

// initialise makes the cluster beside its final place and moves it there when
// it is whole, so that a crash in between leaves nothing that looks like one.
// Each attempt has a folder of its own: the initdb of a headway that was
// killed may still be at work in another.
func (h *home) initialise(ctx context.Context, binDir string, durable bool) error {
	removeDrafts(h.dir, draftPrefix, 0)
	defer removeDrafts(h.dir, draftPrefix, 0)
	for _, locale := range locales {
		draft, err := os.MkdirTemp(h.dir, draftPrefix)
		if err == nil {
			err = h.account.own(draft)
		}
		if err != nil {
			return explainDataDir(h.dir, err)
		}
		complaint, err := h.initdb(ctx, binDir, draft, durable, locale)
		switch {
		case err == nil:
			return h.install(draft)
		case ctx.Err() != nil:
			return fmt.Errorf("make the Postgres data folder %s: %w", h.cluster(), context.Cause(ctx))
		case complaint == "":
			return fmt.Errorf("make the Postgres data folder %s: %w", h.cluster(), err)
		case !strings.Contains(complaint, "invalid locale"):
			return fmt.Errorf("make the Postgres data folder %s: initdb says: %s", h.cluster(), complaint)
		}
	}
	return fmt.Errorf("make the Postgres data folder %s: initdb knows none of the locales C.UTF-8 and C", h.cluster())
}

// removeDrafts removes the folders of interrupted attempts that are older than
// age. One that is still being written may escape, until next time.
func removeDrafts(dir, prefix string, age time.Duration) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) >= age {
			_ = os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
}

// initdb runs initdb once and returns what it complained of.
func (h *home) initdb(ctx context.Context, binDir, draft string, durable bool, locale []string) (string, error) {
	args := []string{
		"--pgdata=" + draft, "--username=" + superuser, "--encoding=UTF8",
		// Trust is for those who can enter the socket folder: the account and root.
		"--auth-local=trust", "--auth-host=reject",
		"--data-checksums", "--no-instructions",
	}
	args = append(args, locale...)
	if !durable {
		args = append(args, "--no-sync")
	}
	var complaint bytes.Buffer
	cmd := h.account.command(exec.CommandContext(ctx, filepath.Join(binDir, "initdb"), args...), draft)
	cmd.Stderr = &complaint
	err := cmd.Run()
	return oneLine(complaint.String()), h.explainExec(binDir, err)
}

// install moves a finished cluster to its place, durably: should the move be
// lost later, the next start would take the data for an unfinished draft.
func (h *home) install(draft string) error {
	if err := os.Rename(draft, h.cluster()); err != nil {
		return explainDataDir(h.dir, err)
	}
	dir, err := os.Open(h.dir)
	if err != nil {
		return explainDataDir(h.dir, err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return explainDataDir(h.dir, err)
	}
	return nil
}

// settings of every server. The comments in the file are for its operator.
const settings = `# Written by Headway at each start: changes here are lost.
# Put your own settings into postgresql.local.conf in this folder.

max_connections = 200
shared_buffers = 128MB
maintenance_work_mem = 128MB          # indexes of a new campaign's ledger
max_wal_size = 2GB                    # imports and launches write in bulk
min_wal_size = 256MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
jit = off                             # statements are short; compiling them costs more than it gains
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] '
log_checkpoints = off
listen_addresses = ''                 # no TCP
unix_socket_permissions = 0700
`

// throwaway are the settings of a server whose data may be lost.
const throwaway = `
# Tests only: a crash of the machine destroys the data.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
`

// writeSettings writes the configuration that the server is started with.
func (h *home) writeSettings(socketDir string, durable bool) error {
	var b strings.Builder
	b.WriteString(settings)
	if !durable {
		b.WriteString(throwaway)
	}
	fmt.Fprintf(&b, "\ninclude_if_exists = '%s'\n", filepath.Base(h.localSettings()))
	fmt.Fprintf(&b, "\n# Headway finds the server by these.\nport = %d\nunix_socket_directories = '%s'\n", port, socketDir)
	if err := os.WriteFile(h.settings(), []byte(b.String()), 0o644); err != nil {
		return explainDataDir(h.dir, err)
	}
	// Whatever the umask: the server's account reads it.
	if err := os.Chmod(h.settings(), 0o644); err != nil {
		return explainDataDir(h.dir, err)
	}
	return nil
}

// oneLine joins the lines of a program's complaint.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
