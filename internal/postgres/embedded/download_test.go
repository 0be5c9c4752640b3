//go:build unix

package embedded_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// repository serves one archive for every release, and its checksum.
func repository(t *testing.T, archive []byte, checksum string) (url string, downloads *atomic.Int64) {
	t.Helper()
	downloads = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.Path, "/maven2/io/zonky/test/postgres/embedded-postgres-binaries-"):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, ".jar"):
			downloads.Add(1)
			_, _ = w.Write(archive)
		case strings.HasSuffix(r.URL.Path, ".jar.sha256"):
			_, _ = w.Write([]byte(checksum))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/maven2", downloads
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// refusingAddress returns a URL at which nobody listens.
func refusingAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestDownloadsProgramsOnceAndStartsThem(t *testing.T) {
	t.Parallel()
	installed, _, err := embedded.FindBinaries("")
	if err != nil {
		t.Skip(err)
	}
	archive := releaseArchive(t, installed, "18.3")
	url, downloads := repository(t, archive, sum(archive))
	dir := emptyDir(t)
	cfg := embedded.WithoutInstalled(embedded.Config{DataDir: dir, Download: embedded.DownloadConfig{Repository: url}})
	s := start(t, cfg)
	query(t, s, "select version()")
	if want := filepath.Join(dir, "binaries", "postgresql-18.3.0", "bin"); s.BinDir() != want {
		t.Errorf("programs in %s, want %s", s.BinDir(), want)
	}
	stop(t, s)

	// The folder's true version is the installed one, which is not 18: nothing
	// in the cache serves it, and the archive is not what it should be either.
	_, err = embedded.Start(within(t), cfg)
	wantError(t, err, "the archive holds Postgres 18")
	if n := downloads.Load(); n != 2 {
		t.Errorf("downloads = %d, want 2", n)
	}
	// For a folder of version 18 the cache serves; the true program sees through it.
	rewrite(t, filepath.Join(dir, "postgres", "PG_VERSION"), "18\n")
	cfg.Download.Disabled = true
	_, err = embedded.Start(within(t), cfg)
	wantError(t, err, "did not start", "incompatible with server")
	if entries, err := filepath.Glob(filepath.Join(dir, "binaries", "download-*")); err != nil || len(entries) > 0 {
		t.Errorf("left in the cache: %v, %v", entries, err)
	}
}

func TestExplainsWhyThereIsNoPostgres(t *testing.T) {
	t.Parallel()
	url, _ := repository(t, []byte("not a zip"), sum([]byte("not a zip")))
	forged, _ := repository(t, []byte("a forgery"), sum([]byte("the original")))
	for _, c := range []struct {
		name     string
		download embedded.DownloadConfig
		want     string
	}{
		{"switched off", embedded.DownloadConfig{Disabled: true}, "downloading Postgres is switched off"},
		{"nobody listens", embedded.DownloadConfig{Repository: refusingAddress(t)}, "connection refused"},
		{"not there", embedded.DownloadConfig{Repository: strings.TrimSuffix(url, "/maven2")}, "no version found"},
		{"broken archive", embedded.DownloadConfig{Repository: url}, "not a valid zip file"},
		{"wrong checksum", embedded.DownloadConfig{Repository: forged}, "checksums do not match"},
		{"no URL", embedded.DownloadConfig{Repository: "gopher://one.example"}, "unsupported protocol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := embedded.Start(within(t), embedded.WithoutInstalled(embedded.Config{DataDir: emptyDir(t), Download: c.download}))
			t.Log(err)
			wantError(t, err, "no Postgres programs are installed", c.want,
				"apt-get install postgresql", "brew install postgresql@16", "DATABASE_URL")
		})
	}
}

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	fake := func(t *testing.T, version string) string {
		dir := emptyDir(t)
		for _, program := range []string{"initdb", "postgres"} {
			script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
			if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, c := range []struct {
		name, version string
		major         int
		refusal       string
	}{
		{"release", "17.5 (Debian 17.5-1.pgdg120+1)", 17, ""},
		{"beta", "19beta2", 19, ""},
		{"too old", "14.18", 0, "holds version 14; headway needs 15 or newer"},
		{"something else", "of a kind", 0, "postgres --version says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			setting := fake(t, c.version)
			dir, major, err := embedded.FindBinaries(setting)
			if c.refusal != "" {
				wantError(t, err, setting, c.refusal)
				return
			}
			if err != nil || dir != setting || major != c.major {
				t.Errorf("FindBinaries = %s, %d, %v; want %s, %d", dir, major, err, setting, c.major)
			}
		})
	}
	_, _, err := embedded.FindBinaries("/nowhere")
	wantError(t, err, "/nowhere", "from the settings")
}
