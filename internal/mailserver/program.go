package mailserver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Program is one of Debian's mail programs. In its texts {folder} is the folder of
// its own, {name} the machine's name, {host} and {port} where it listens.
type Program struct {
	Name string // as people call it

	path     string            // where its package puts it
	deb      string            // the package
	unpacked string            // folder that the package was unpacked into; "" when it is installed
	accounts []string          // that the package makes
	usual    map[string]string // how its files begin, whoever runs it
	prepare  string            // commands of the shell before it starts
	command  string            // runs it in the foreground
	logs     []string          // files that it writes, the one of all mail first
}

// Unpacked returns the program as it lies in a folder that `dpkg-deb -x` made of
// its package and of the libraries that it misses. place is that folder, or the
// program's path in it; "" changes nothing.
func (p Program) Unpacked(place string) Program {
	p.unpacked = cmp.Or(strings.TrimSuffix(place, p.path), p.unpacked)
	return p
}

// Ready returns why the program cannot be run here, or nil.
func (p Program) Ready() error {
	if os.Getuid() != 0 {
		return fmt.Errorf("%s is started by root only", p.Name)
	}
	if _, err := os.Stat(p.unpacked + p.path); err != nil {
		return fmt.Errorf("%s is not at %s: apt-get install %s", p.Name, p.unpacked+p.path, p.deb)
	}
	if said, err := inNamespaces("true").CombinedOutput(); err != nil {
		return fmt.Errorf("%s is started in namespaces of its own, which cannot be made here: %w", p.Name,
			errors.Join(err, errors.New(string(said))))
	}
	return nil
}

// inNamespaces returns a command that is the first process of new namespaces.
func inNamespaces(command ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{"--mount", "--uts", "--pid", "--fork", "--kill-child"}, command...)...)
}
