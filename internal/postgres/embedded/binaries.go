//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errNoBinaries says that this machine has no Postgres programs that serve.
var errNoBinaries = errors.New("no Postgres programs")

// remedy is what to do when there is no Postgres at all.
const remedy = "install Postgres (apt-get install postgresql, brew install postgresql@16), or set DATABASE_URL to a server of yours"

// binaries is a folder with a whole Postgres server.
type binaries struct {
	dir   string
	major int
}

// FindBinaries returns the folder of installed Postgres programs and their
// major version, which is at least 15: those in the folder named by setting
// and no others, or if it is empty the first found by pg_config, in the
// folders of distributions and Homebrew (newest first), and in PATH.
func FindBinaries(setting string) (dir string, major int, err error) {
	found, err := installedBinaries(setting, places)
	if err != nil {
		return "", 0, err
	}
	return found[0].dir, found[0].major, nil
}

// installedBinaries returns all that FindBinaries chooses from, at least one.
func installedBinaries(setting string, places func() []string) ([]binaries, error) {
	if setting != "" {
		b, err := inspect(setting)
		if err != nil {
			return nil, fmt.Errorf("postgres folder %s from the settings: %w", setting, err)
		}
		if b.major < minMajor {
			return nil, fmt.Errorf("postgres folder %s from the settings holds version %d; headway needs %d or newer", setting, b.major, minMajor)
		}
		return []binaries{b}, nil
	}
	var found []binaries
	var looked []string
	oldest := 0
	for _, dir := range places() {
		if slices.Contains(looked, dir) {
			continue
		}
		looked = append(looked, dir)
		b, err := inspect(dir)
		switch {
		case err != nil:
		case b.major < minMajor:
			oldest = max(oldest, b.major)
		default:
			found = append(found, b)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case oldest > 0:
		return nil, fmt.Errorf("%w of version %d or newer are installed (only version %d)", errNoBinaries, minMajor, oldest)
	}
	return nil, fmt.Errorf("%w are installed", errNoBinaries)
}

// places lists where Postgres programs may be, best first. A link, as in
// /usr/local/bin, is followed: the other programs are beside its target.
func places() []string {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                   // Red Hat, from postgresql.org
		"/usr/libexec/postgresql*",           // Alpine
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // the patterns are well-formed
		slices.SortFunc(matches, func(a, b string) int { return pathVersion(b) - pathVersion(a) })
		dirs = append(dirs, matches...)
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(program); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	return dirs
}

var number = regexp.MustCompile(`\d+`)

// pathVersion reads the version from a folder's path, 0 if it names none.
func pathVersion(dir string) int {
	v, _ := strconv.Atoi(number.FindString(dir))
	return v
}

// versionLine matches what postgres --version prints: "postgres (PostgreSQL)
// 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 18beta1".
var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// versionWithin is how long postgres may take to say its version: reading its program
// from a slow disk on a busy machine takes many seconds, and who is given up counts as
// not installed.
const versionWithin = time.Minute

// inspect reads the version of the programs in dir, and makes sure that those
// which we run are all there.
func inspect(dir string) (binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return binaries{}, fmt.Errorf("run postgres --version: %w", err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("postgres --version says %q", strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(string(m[1]))
	return binaries{dir: dir, major: major}, err
}

// chooseBinaries returns the folder of the programs to run a cluster of the
// given major version with; 0 takes the best. It downloads where it must.
func (s *Server) chooseBinaries(ctx context.Context, cfg Config, major int) (string, error) {
	search := cfg.places
	if search == nil {
		search = places
	}
	found, err := installedBinaries(cfg.BinDir, search)
	if err != nil && (cfg.BinDir != "" || !errors.Is(err, errNoBinaries)) {
		return "", err
	}
	for _, b := range found {
		if major == 0 || b.major == major {
			return b.dir, nil
		}
	}
	if cfg.BinDir != "" {
		return "", wrongMajor(s.home, major, found, errors.New("the settings name no other"))
	}
	b, fetchErr := cfg.Download.fetch(ctx, s.log, s.home, major)
	switch {
	case fetchErr == nil:
		return b.dir, nil
	case err != nil:
		return "", fmt.Errorf("%w, and %w; %s", err, fetchErr, remedy)
	}
	return "", wrongMajor(s.home, major, found, fetchErr)
}

// wrongMajor explains that the data was made by a version that is not here,
// nor, for the reason given, to be had.
func wrongMajor(h *home, major int, found []binaries, reason error) error {
	versions := make([]string, len(found))
	for i, b := range found {
		versions[i] = fmt.Sprintf("%d in %s", b.major, b.dir)
	}
	return fmt.Errorf("data folder %s was made by Postgres %d, and the Postgres here is %s (%w); "+
		"install Postgres %d or point the setting for its folder there, or else dump the data with the old version's pg_dumpall and restore it into a new folder",
		h.cluster(), major, strings.Join(versions, ", "), reason, major)
}
