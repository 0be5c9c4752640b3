package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// eximPlaces is where Exim may be.
var eximPlaces = []string{"/usr/sbin/exim4", "/usr/sbin/exim"}

// findExim returns the path of Exim's program.
func findExim(given string) (string, bool) {
	places := eximPlaces
	if given != "" {
		places = []string{given}
	}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place, true
		}
	}
	return "", false
}

// eximAccount runs Exim when it has given up root's rights. It exists on every
// Debian.
const eximAccount = "mail"

// What Exim logs of a client.
var (
	eximAccepts = []*regexp.Regexp{regexp.MustCompile(` <= \S+ H=.*?\[([0-9.]+)\]`)}
	eximRefuses = []*regexp.Regexp{
		regexp.MustCompile(`H=.*?\[([0-9.]+)\].* temporarily rejected `),
		regexp.MustCompile(`Connection from .*?\[([0-9.]+)\](?::\d+)? refused`),
	}
)

// eximReceiver is an Exim that takes mail for one domain and throws it away.
// settings and rule are of its throttle: rule stands in the ACL of RCPT.
func eximReceiver(ctx context.Context, program, domain, address, settings, rule string) (*mailServer, error) {
	host, port, _ := strings.Cut(address, ":")
	folder, err := openFolder("hw-ex-")
	if err != nil {
		return nil, err
	}
	m := &mailServer{name: "Exim of " + domain, folder: folder, log: filepath.Join(folder, "mainlog"), accepts: eximAccepts, refuses: eximRefuses}
	if err := m.layOutExim(fmt.Sprintf(`
primary_hostname = mx.%[1]s
exim_user = %[6]s
exim_group = %[6]s
spool_directory = %[2]s/spool
log_file_path = %[2]s/%%slog
pid_file_path = %[2]s/exim.pid
daemon_smtp_ports = %[3]s
local_interfaces = %[7]s
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
smtp_accept_max = 200
queue_only
acl_smtp_rcpt = rcpt
acl_smtp_data = data
%[4]s
begin acl
rcpt:
%[5]s
  accept domains = %[1]s
  deny
data:
  discard
begin routers
begin transports
begin retry
`, domain, folder, port, settings, rule, eximAccount, host)); err != nil {
		return nil, closing(err, m.close)
	}
	cmd, err := m.exim(program)
	if err != nil {
		return nil, closing(err, m.close)
	}
	if err := m.launch(cmd); err != nil {
		return nil, closing(err, m.close)
	}
	if err := m.await(ctx, address); err != nil {
		return nil, closing(err, m.close)
	}
	return m, nil
}

// layOutExim writes what Exim needs in its folder.
func (m *mailServer) layOutExim(settings string) error {
	account, err := user.Lookup(eximAccount)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	spool := filepath.Join(m.folder, "spool")
	if err := os.Mkdir(spool, 0o755); err != nil {
		return err
	}
	for _, place := range []string{m.folder, spool} {
		if err := os.Chown(place, uid, gid); err != nil {
			return err
		}
	}
	return m.writeSettings("exim.conf", settings)
}

// eximsOwn is the account that Debian's Exim looks up as soon as it starts, even
// when its settings name another. Only the package makes it.
const eximsOwn = "Debian-exim"

// exim makes the command that runs Exim in the foreground. Where Exim was only
// unpacked, it sees lists of accounts of its own in a mount namespace of its own;
// nothing outside changes.
func (m *mailServer) exim(program string) (*exec.Cmd, error) {
	settings := filepath.Join(m.folder, "exim.conf")
	if _, err := user.Lookup(eximsOwn); err == nil {
		return exec.Command(program, "-C", settings, "-bdf"), nil
	}
	script := "exec \"$0\" -C \"$1\" -bdf"
	for name, line := range map[string]string{"passwd": ":x:9993:9993::/:/bin/false", "group": ":x:9993:"} {
		accounts, err := os.ReadFile("/etc/" + name)
		if err != nil {
			return nil, err
		}
		if err := m.writeSettings(name, string(accounts)+eximsOwn+line+"\n"); err != nil {
			return nil, err
		}
		script = fmt.Sprintf("mount --bind %s /etc/%s && ", filepath.Join(m.folder, name), name) + script
	}
	return exec.Command("unshare", "--mount", "sh", "-c", script, program, settings), nil
}
