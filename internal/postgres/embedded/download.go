//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// DownloadConfig says how Postgres programs are fetched where none are
// installed: those that the project zonkyio/embedded-postgres-binaries
// publishes for Linux and macOS. They come without pg_dump and psql.
type DownloadConfig struct {
	// Repository is the URL of the Maven repository.
	// Defaults to Maven Central, https://repo1.maven.org/maven2.
	Repository string

	// CacheDir keeps the programs once they were fetched. The account that
	// runs the server must be able to enter it.
	// Defaults to the folder binaries in the data folder.
	CacheDir string

	// Disabled forbids the download.
	Disabled bool
}

// releases are the versions that can be fetched, by major version.
var releases = map[int]embeddedpostgres.PostgresVersion{
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

const (
	mavenCentral = "https://repo1.maven.org/maven2"
	// downloadPrefix begins the names of folders that are being unpacked.
	downloadPrefix = "download-"
	// newestRelease is what new data folders get.
	newestRelease = 18
	// probeTimeout bounds the first contact with the repository.
	probeTimeout = 15 * time.Second
	// downloadTimeout bounds the whole download of some 30 MB: 50 kB/s.
	downloadTimeout = 10 * time.Minute
)

// fetch returns downloaded programs of the given major version (0: the
// newest), from the cache or from the repository.
func (d DownloadConfig) fetch(ctx context.Context, log *slog.Logger, h *home, major int) (binaries, error) {
	if major == 0 {
		major = newestRelease
	}
	version, ok := releases[major]
	if !ok {
		return binaries{}, fmt.Errorf("there is no download of Postgres %d", major)
	}
	cache := d.CacheDir
	if cache == "" {
		cache = h.binaries()
	}
	place := filepath.Join(cache, "postgresql-"+string(version))
	if b, err := inspect(filepath.Join(place, "bin")); err == nil {
		return b, nil
	}
	if d.Disabled {
		return binaries{}, errors.New("downloading Postgres is switched off")
	}
	log.Info("downloading postgres, some 30 MB", "version", string(version), "from", d.repository())
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, fmt.Errorf("not finished after %v", downloadTimeout))
	defer cancel()
	if err := d.download(ctx, version, cache, place); err != nil {
		return binaries{}, fmt.Errorf("downloading Postgres %s from %s: %w", version, d.repository(), err)
	}
	b, err := inspect(filepath.Join(place, "bin"))
	if err == nil && b.major != major {
		err = fmt.Errorf("the archive holds Postgres %d", b.major)
	}
	if err != nil {
		return binaries{}, fmt.Errorf("downloading Postgres %s from %s: %w", version, d.repository(), err)
	}
	return b, nil
}

func (d DownloadConfig) repository() string {
	if d.Repository == "" {
		return mavenCentral
	}
	return d.Repository
}

// download unpacks a release into a draft folder and moves it to its place
// when it is whole.
func (d DownloadConfig) download(ctx context.Context, version embeddedpostgres.PostgresVersion, cache, place string) error {
	if err := d.probe(ctx); err != nil {
		return err
	}
	if err := makeDir(cache, 0o755); err != nil {
		return err
	}
	removeDrafts(cache, downloadPrefix, 2*downloadTimeout)
	draft, err := os.MkdirTemp(cache, downloadPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	programs := filepath.Join(draft, "programs")
	unpacked := make(chan error, 1)
	go func() { unpacked <- unpack(d.repository(), version, draft, programs) }()
	select {
	case err = <-unpacked:
	case <-ctx.Done():
		err = context.Cause(ctx) // the library cannot be interrupted; its draft is dropped
	}
	if err != nil {
		return err
	}
	if err := makeReadable(programs); err != nil {
		return err
	}
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(programs, place)
}

// probe makes first contact with the repository, to learn the reason when it
// cannot be reached: the library reports only that it cannot.
func (d DownloadConfig) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.repository()+"/", http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			return outer.Err // without the URL, which our caller names
		}
		return err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.Body.Close()
}

// unpack fetches a release and unpacks it into programs. The library does so
// only as the first step of starting a server, so it is given a data folder
// that looks made and cannot be started, lacking a configuration: whether the
// programs are there afterwards is what counts, not that the start failed.
func unpack(repository string, version embeddedpostgres.PostgresVersion, draft, programs string) error {
	data := filepath.Join(draft, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(version), 0o600); err != nil {
		return err
	}
	err := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		BinaryRepositoryURL(repository).
		Version(version).
		CachePath(draft).
		RuntimePath(filepath.Join(draft, "run")).
		BinariesPath(programs).
		DataPath(data).
		Port(0).
		StartTimeout(time.Second).
		Logger(io.Discard)).Start()
	if _, missing := os.Stat(filepath.Join(programs, "bin", "postgres")); missing == nil {
		return nil
	}
	if err == nil {
		err = errors.New("the archive holds no bin/postgres")
	}
	return err
}

// makeReadable lets every user read the programs, whatever the umask was: for
// root, another account runs them.
func makeReadable(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if info.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}
