//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user that the server runs as.
type account struct {
	uid, gid int
	foreign  bool // another user than the caller's: the caller is root
}

// serverAccount returns the caller's own account, except for root, whom
// Postgres refuses: then the owner of the cluster if there is one already,
// else the user "postgres", else "nobody".
func serverAccount(cluster string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{uid: uid, gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(cluster); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			return account{uid: int(st.Uid), gid: int(st.Gid), foreign: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr != nil || gidErr != nil {
			return account{}, fmt.Errorf("user %s has no numeric id: %w", name, errors.Join(uidErr, gidErr))
		}
		return account{uid: uid, gid: gid, foreign: true}, nil
	}
	return account{}, errors.New("postgres refuses to run as root, and there is no user named postgres or nobody to run it; start headway as an ordinary user, or set DATABASE_URL")
}

// String names the account for messages.
func (a account) String() string {
	if u, err := user.LookupId(strconv.Itoa(a.uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(a.uid)
}

// currentUser names the caller for messages.
func currentUser() string { return account{uid: os.Geteuid()}.String() }

// own hands a file to the account.
func (a account) own(path string) error {
	if !a.foreign {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// command prepares a program of Postgres to run as the account, in folder dir
// and in a session of its own, so that signals of the terminal pass it by. Its
// environment is bare: the PG* variables would redirect it, the locale would
// translate its messages, and Headway's secrets are none of its business.
func (a account) command(cmd *exec.Cmd, dir string) *exec.Cmd {
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.foreign {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// makePrivate makes dir for the account alone, or checks the one that is there.
func (a account) makePrivate(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return a.own(dir)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return a.checkPrivate(dir)
}

// checkPrivate makes sure that dir is a folder, not a link, that nobody but
// the account (and root) can enter.
func (a account) checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder; remove it", dir)
	case ok && int(st.Uid) != a.uid:
		return fmt.Errorf("%s belongs to user %s, not to %s; remove it", dir, account{uid: int(st.Uid)}, a)
	case info.Mode().Perm() != 0o700:
		return fmt.Errorf("%s has mode %04o and must be private; set it to 0700", dir, info.Mode().Perm())
	}
	return nil
}
