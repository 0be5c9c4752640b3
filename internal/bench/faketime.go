package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// fakeTimePlaces are where distributions keep the library.
var fakeTimePlaces = []string{
	"/usr/lib/*/faketime/libfaketime.so.1", // Debian, Ubuntu
	"/usr/lib*/faketime/libfaketime.so.1",  // Fedora, Arch
	"/usr/local/lib/faketime/libfaketime.so.1",
}

// findFakeTime returns the path of libfaketime: the one that was named, if any.
func findFakeTime(named string) (string, error) {
	if named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", err
		}
		return filepath.Abs(named)
	}
	for _, place := range fakeTimePlaces {
		if found, _ := filepath.Glob(place); len(found) > 0 { // the patterns are well-formed
			return found[0], nil
		}
	}
	return "", errors.New("needs libfaketime (Debian's package libfaketime, or its path as --faketime)")
}

// fakeTimeSeen is how long a process may go on with the time that it had.
const fakeTimeSeen = time.Second

// postgresClock is the clock of a Postgres that runs under libfaketime.
type postgresClock struct {
	folder string // with programs that are started under the library, and the file that it reads
}

// openPostgresClock makes programs of Postgres that see another time, and has the
// settings name them. library is the path of libfaketime, "" to search for it.
func openPostgresClock(c *config.Config, library string) (clock *postgresClock, err error) {
	library, err = findFakeTime(library)
	if err != nil {
		return nil, err
	}
	programs, _, err := embedded.FindBinaries(c.Database.Binaries)
	if err != nil {
		return nil, err
	}
	clock = &postgresClock{}
	if clock.folder, err = openFolder(); err != nil {
		return nil, err
	}
	if err := clock.fill(library, programs); err != nil {
		return nil, errors.Join(err, clock.close())
	}
	c.Database.Binaries = clock.folder
	return clock, nil
}

func (c *postgresClock) fill(library, programs string) error {
	if err := c.set(0); err != nil {
		return err
	}
	under := strings.Join([]string{"LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + c.file(),
		"FAKETIME_CACHE_DURATION=" + strconv.Itoa(int(fakeTimeSeen.Seconds())), "FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"}, " ")
	for name, before := range map[string]string{"postgres": under + " ", "initdb": ""} {
		script := "#!/bin/sh\n" + before + "exec " + filepath.Join(programs, name) + ` "$@"` + "\n"
		if err := os.WriteFile(filepath.Join(c.folder, name), []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (c *postgresClock) file() string { return filepath.Join(c.folder, "clock") }

// set has the clock be wrong by so much.
func (c *postgresClock) set(wrong time.Duration) error { return writeClock(c.file(), wrong) }

func (c *postgresClock) close() error { return os.RemoveAll(c.folder) }
