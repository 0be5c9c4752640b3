package bench

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// capSysAdmin is the right to mount (capabilities(7)).
const capSysAdmin = 21

// apart lets a command run in a mount namespace of its own. Who is not root gets
// it in a user namespace, with the right to mount and under the same name: as
// root Postgres would refuse to run.
func apart(cmd *exec.Cmd) error {
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attributes.AmbientCaps = []uintptr{capSysAdmin}
	}
	cmd.SysProcAttr = attributes
	return nil
}

// mountVolume puts a small volume on a folder of this process' own mount
// namespace, and has temporary folders made there. With the last process of the
// namespace it is gone.
func mountVolume(folder string) error {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%w: %w", errNoVolume, err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=0755", volumeSize)); err != nil {
		return fmt.Errorf("%w: %w", errNoVolume, err)
	}
	return os.Setenv("TMPDIR", folder)
}
