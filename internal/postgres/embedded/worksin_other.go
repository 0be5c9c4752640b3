//go:build unix && !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
)

// worksIn reports whether process pid is alive and is a Postgres server that
// was started with dir as its data folder. A zombie has no command line any
// more, only its name.
func worksIn(pid int, dir string) bool {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), "postgres -D "+dir+" ")
}
