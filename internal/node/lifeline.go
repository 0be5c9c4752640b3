package node

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lifeline is a file that a node holds locked as long as its process lives. The
// kernel lets go of the lock the moment the process ends, however it ends: whoever
// works on the same machine with the same data folder knows at once then, and need
// not watch the beat stand still (docs/decisions/beats.md).
type lifeline struct {
	name string // unique: the machine's present run, and a random part
	file *os.File
}

// lifelines is the folder of lifelines within a data folder.
const lifelines = "nodes"

// machineRun names this run of this machine's kernel; empty where it cannot be
// told. Locks of other machines, by way of a shared folder, prove nothing here.
func machineRun() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// tie makes a lifeline in a data folder.
func tie(data string) (*lifeline, error) {
	run := machineRun()
	if run == "" {
		return nil, errors.New("this system does not tell one run of its kernel from another")
	}
	if err := os.MkdirAll(filepath.Join(data, lifelines), 0o700); err != nil {
		return nil, err
	}
	l := &lifeline{name: run + "." + rand.Text()}
	var err error
	if l.file, err = os.OpenFile(filepath.Join(data, lifelines, l.name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, l.untie())
	}
	return l, nil
}

// untie ends a lifeline of a node that has left.
func (l *lifeline) untie() error {
	return errors.Join(os.Remove(l.file.Name()), l.file.Close())
}

// severed reports whether a lifeline proves that its process has ended: made in
// this run of this machine, and locked by nobody any more.
func severed(data, name string) bool {
	run := machineRun()
	if run == "" || !strings.HasPrefix(name, run+".") || filepath.Base(name) != name {
		return false
	}
	file, err := os.OpenFile(filepath.Join(data, lifelines, name), os.O_RDWR, 0)
	if err != nil {
		return false // another folder's, or untied meanwhile
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
}

// forgetLifeline removes a severed lifeline, when its node is buried.
func forgetLifeline(data, name string) {
	if severed(data, name) {
		_ = os.Remove(filepath.Join(data, lifelines, name)) // it proves the same as long as it stays
	}
}
