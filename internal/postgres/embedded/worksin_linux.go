package embedded

import (
	"path/filepath"
	"strconv"
)

// worksIn reports whether process pid is alive and has dir as its working
// folder, as a Postgres server has its data folder before it writes its pid
// file. A process of somebody else, whose folder we may not read, is none of
// ours; a zombie has no folder any more.
func worksIn(pid int, dir string) bool {
	return sameFile(filepath.Join("/proc", strconv.Itoa(pid), "cwd"), dir)
}
