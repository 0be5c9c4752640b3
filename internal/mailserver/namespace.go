package mailserver

import (
	"fmt"
	"os"
	"os/user"
	"strings"
)

// surroundings are files of /etc that the program sees instead of the machine's:
// no name server, its own name, and the accounts that its package would have made.
func (s *Server) surroundings() (map[string]string, error) {
	files := map[string]string{
		"hosts":       "{host} {name}\n127.0.0.1 localhost\n",
		"resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", // nobody answers there
	}
	for name, line := range map[string]string{"passwd": "%s:x:%d:%[2]d::/:/bin/false\n", "group": "%s:x:%d:\n"} {
		known, err := os.ReadFile("/etc/" + name)
		if err != nil {
			return nil, err
		}
		for i, account := range s.program.accounts {
			if _, err := user.Lookup(account); err != nil {
				known = fmt.Appendf(known, line, account, unpackedID+i)
			}
		}
		files[name] = string(known)
	}
	return files, nil
}

// unpackedID is the first number of accounts that only a namespace knows: beyond
// what Debian gives to packages and users of its own accord.
const unpackedID = 9900

// script is what the shell does that begins as the first process of the
// namespaces, and ends as the last.
func (s *Server) script() string {
	steps := []string{"hostname {name}"}
	for _, name := range []string{"passwd", "group", "hosts", "resolv.conf"} {
		steps = append(steps, "mount --bind {folder}/"+name+" /etc/"+name)
	}
	if s.program.unpacked != "" {
		steps = append(steps, "mount -t overlay overlay -o lowerdir="+s.program.unpacked+"/usr:/usr /usr")
	}
	steps = append(steps, s.setup.Prepare, s.program.prepare, fmt.Sprintf(lifetime, s.program.command))
	return s.fill(strings.Join(steps, "\n"))
}

// lifetime has the program live until it ends or the shell's input does, which we
// hold open. With the shell, their first process, the kernel ends the namespaces:
// whatever runs there, under whatever account.
const lifetime = `
exec 3<&0
%s 3<&- &
program=$!
{ read -r _ <&3 || kill -KILL $program; } &
wait $program
`
