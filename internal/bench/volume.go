package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// errNoVolume says that this machine lets nobody have a volume of their own.
var errNoVolume = errors.New("needs a mount namespace with a small tmpfs")

// volumeSize holds a cluster of ours, the simulated internet's journals and the
// log of what a thousand messages change, and no more.
const volumeSize = 400 << 20

// playOnVolume plays a scene in a process that has a small volume under its
// temporary folder, which nobody else sees. Where this machine does not allow
// that, the row says so.
func (s ledgerScene) playOnVolume(ctx context.Context, o LedgerOptions, _ int) (row LedgerRow, err error) {
	row = LedgerRow{Name: s.name, Title: s.title}
	folder, err := openFolder()
	if err != nil {
		return row, err
	}
	defer func() { err = closing(err, func() error { return os.RemoveAll(folder) }) }()
	cmd := exec.CommandContext(ctx, o.Binary, "bench", "faults", "--json", "--only", s.name,
		"--contacts", strconv.Itoa(o.Contacts), "--volume", folder)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	cmd.Env = append(os.Environ(), "HEADWAY_DATABASE_BINARIES="+o.Config.Database.Binaries)
	if err := apart(cmd); err != nil {
		row.NotRun = err.Error()
		return row, nil
	}
	var told, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &complaint
	ended := cmd.Run()
	var rows []LedgerRow
	switch {
	case cmd.Process == nil:
		row.NotRun = fmt.Sprintf("%v: %v", errNoVolume, ended)
		return row, nil
	case json.Unmarshal(told.Bytes(), &rows) != nil || len(rows) != 1:
		return row, fmt.Errorf("the process with a volume of its own ended without a word: %w: %s", ended, strings.TrimSpace(complaint.String()))
	}
	return rows[0], nil // what is wrong with it stands in the row
}
