package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// process is what /proc/PID/stat says of a process.
type process struct {
	pid, parent int
	own, ended  time.Duration // processor time of its own, and of its children that have ended
}

// readProcess reads one process; false when it is gone.
func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	_, after, found := strings.Cut(string(text), ") ") // the name before may hold blanks
	fields := strings.Fields(after)
	if !found || len(fields) < 15 {
		return process{}, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(fields[i]); return n }
	return process{pid: pid, parent: number(1),
		own: time.Duration(number(11)+number(12)) * tick, ended: time.Duration(number(13)+number(14)) * tick}, true
}

// family returns a process and its living children.
func family(pid int) []process {
	var all []process
	if p, alive := readProcess(pid); alive {
		all = append(all, p)
	}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		child, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if p, alive := readProcess(child); alive && p.parent == pid {
			all = append(all, p)
		}
	}
	return all
}

// familyTime is the processor time that a process and its children have used.
func familyTime(pid int) time.Duration {
	var sum time.Duration
	for _, p := range family(pid) {
		sum += p.own
		if p.pid == pid {
			sum += p.ended
		}
	}
	return sum
}

// postmaster returns the process of the ground's own Postgres.
func (g *ground) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(g.folder, "postgres", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

// memory returns the resident memory of a process now and at its peak, in octets.
func memory(pid int) (now, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilo, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kilo << 10
		case "VmHWM:":
			peak = kilo << 10
		}
	}
	return now, peak
}
