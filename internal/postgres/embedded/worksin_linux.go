package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// worksIn reports whether process pid is alive and is a Postgres server of the
// data folder dir: it works in that folder before it writes its pid file. Where
// we may not see in which folder it works (root in a container usually lacks
// CAP_SYS_PTRACE, which it takes for the processes of others) the command line
// says so too. A zombie has neither any more.
func worksIn(pid int, dir string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if _, err := os.Readlink(filepath.Join(proc, "cwd")); !os.IsPermission(err) {
		return err == nil && sameFile(filepath.Join(proc, "cwd"), dir)
	}
	line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return false
	}
	args := strings.Split(string(line), "\x00")
	i := slices.Index(args, "-D")
	return filepath.Base(args[0]) == "postgres" && i > 0 && i+1 < len(args) && sameFile(args[i+1], dir)
}
