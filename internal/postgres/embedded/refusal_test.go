//go:build unix

package embedded_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/headwaymail/headway/internal/postgres/embedded"
)

// offline forbids downloads, so that no test looks past this machine.
var offline = embedded.DownloadConfig{Disabled: true}

// fakeDataDir returns a data folder with a cluster of nothing.
func fakeDataDir(t *testing.T) string {
	t.Helper()
	dir := emptyDir(t)
	cluster := filepath.Join(dir, "postgres")
	if err := os.Mkdir(cluster, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(cluster, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// nobody is the conventional number of the user without rights.
const nobody = 65534

func TestRefusesDataOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	if _, _, err := embedded.FindBinaries(""); err != nil {
		t.Skip(err)
	}
	dir := fakeDataDir(t)
	version := filepath.Join(dir, "postgres", "PG_VERSION")
	for _, c := range []struct{ name, version, want string }{
		{"older than downloads", "9\n", "was made by Postgres 9"},
		{"not installed", "17\n", "was made by Postgres 17"},
		{"no number", "fifteen\n", "no version that headway knows"},
	} {
		if err := os.WriteFile(version, []byte(c.version), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := embedded.Start(within(t), embedded.Config{DataDir: dir, Download: offline})
		t.Log(err)
		wantError(t, err, c.want)
	}
}

func TestRefusesFolderThatIsNoCluster(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres", "holiday pictures"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Start(within(t), embedded.Config{DataDir: dir, Download: offline})
	wantError(t, err, "neither empty nor a Postgres data folder")
}

func TestRefusesOpenSocketFolder(t *testing.T) {
	t.Parallel()
	_, major, err := embedded.FindBinaries("")
	if err != nil {
		t.Skip(err)
	}
	dir := fakeDataDir(t)
	if err := os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte(strconv.Itoa(major)), 0o600); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o755); err != nil {
		t.Fatal(err)
	}
	account := owner(t, filepath.Join(dir, "postgres"))
	if err := os.Chown(run, int(account.Uid), int(account.Gid)); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Start(within(t), embedded.Config{DataDir: dir})
	wantError(t, err, run, "must be private")

	if err := os.Remove(run); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/tmp", run); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Start(within(t), embedded.Config{DataDir: dir})
	wantError(t, err, run, "not a folder")
}

func TestFolderNotWritable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere; TestAsOrdinaryUser runs this one")
	}
	closed := emptyDir(t)
	if err := os.Chmod(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{closed, filepath.Join(closed, "below")} {
		_, err := embedded.Start(within(t), embedded.Config{DataDir: dir})
		t.Log(err)
		wantError(t, err, dir, "cannot be written by user", "set HEADWAY_DATA")
	}
}

// TestAsOrdinaryUser runs the other tests as the user nobody.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the tests run as an ordinary user already")
	}
	dir := emptyDir(t)
	program := filepath.Join(dir, "embedded.test")
	copyProgram(t, program)
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.v",
		"-test.run=^(TestRunningServer|TestAdoptsAfterOwnerWasKilled|TestFolderNotWritable)$")
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	for _, skipped := range []string{"SKIP", "no tests to run"} {
		if strings.Contains(string(out), skipped) {
			t.Errorf("as nobody: %s", skipped)
		}
	}
}

// TestAsRootOfContainer runs a test without the right to look into other
// users' processes, which root has not in a container.
func TestAsRootOfContainer(t *testing.T) {
	t.Parallel()
	setpriv, err := exec.LookPath("setpriv")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("needs root, and setpriv to take rights from it")
	}
	out, err := exec.Command(setpriv, "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace",
		os.Args[0], "-test.v", "-test.run=^TestAdoptsAfterOwnerWasKilled$").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v: %s", err, out)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRootIsToldOfFolderThatAccountCannotReach(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root hands the server to another account")
	}
	closed := emptyDir(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Start(within(t), embedded.Config{DataDir: filepath.Join(closed, "data")})
	t.Log(err)
	wantError(t, err, "runs postgres for root", closed, "/var/lib/headway")
}

func TestDefaultDataDir(t *testing.T) {
	t.Setenv("HEADWAY_DATA", "")
	t.Setenv("XDG_DATA_HOME", "/elsewhere")
	want := "/elsewhere/headway"
	if os.Geteuid() == 0 {
		want = "/var/lib/headway"
	}
	if got, err := embedded.DefaultDataDir(); err != nil || got != want {
		t.Errorf("DefaultDataDir = %s, %v; want %s", got, err, want)
	}
	t.Setenv("HEADWAY_DATA", "/chosen")
	if got, err := embedded.DefaultDataDir(); err != nil || got != "/chosen" {
		t.Errorf("DefaultDataDir = %s, %v; want /chosen", got, err)
	}
}
