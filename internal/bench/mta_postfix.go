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
)

// postfixProgram is where Debian puts Postfix' own program.
const postfixProgram = "/usr/sbin/postfix"

// postfixUsual are the settings of every Postfix here: a folder of its own, no
// look-ups, nothing local. It listens where its service says: inet_interfaces
// takes only addresses that stand on an interface, of which loopback has one.
const postfixUsual = `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/maillog
mydestination =
alias_maps =
alias_database =
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
`

// postfixServices are the processes that every Postfix here has.
const postfixServices = `
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
`

const postfixQueue = "qmgr unix n - n 300 1 qmgr\n"

// newPostfix makes a Postfix from settings; service is the line that listens.
func newPostfix(name, service, settings, services string) (*mailServer, error) {
	folder, err := openFolder("hw-pf-")
	if err != nil {
		return nil, err
	}
	m := &mailServer{name: name, folder: folder, log: filepath.Join(folder, "maillog"), accepts: postfixAccepts, refuses: postfixRefuses}
	if err := m.layOut(service, settings, services); err != nil {
		return nil, closing(err, m.close)
	}
	return m, nil
}

// layOut writes what Postfix needs in its folder.
func (m *mailServer) layOut(service, settings, services string) error {
	account, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	for _, part := range []string{"queue", "data"} {
		if err := os.Mkdir(filepath.Join(m.folder, part), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chown(filepath.Join(m.folder, "data"), uid, -1); err != nil {
		return err
	}
	if err := m.writeSettings("main.cf", fmt.Sprintf(postfixUsual, m.folder)+settings); err != nil {
		return err
	}
	return m.writeSettings("master.cf", service+"\n"+services)
}

// runPostfix starts it and waits until it listens.
func (m *mailServer) runPostfix(ctx context.Context, address string) error {
	if err := m.launch(exec.Command(postfixProgram, "-c", m.folder, "start-fg")); err != nil {
		return err
	}
	m.stop = func() error { return exec.Command(postfixProgram, "-c", m.folder, "stop").Run() }
	return m.await(ctx, address)
}

// What Postfix logs of a client: a message that it queues, and its noes to
// commands and to connections.
var (
	postfixAccepts = []*regexp.Regexp{regexp.MustCompile(`smtpd\[\d+\]: [0-9A-Za-z]+: client=[^\[]*\[([0-9.]+)\]`)}
	postfixRefuses = []*regexp.Regexp{
		regexp.MustCompile(`smtpd\[\d+\]: NOQUEUE: reject: [^\[]*\[([0-9.]+)\]`),
		regexp.MustCompile(`smtpd\[\d+\]: warning: (?:Connection concurrency|Connection rate|Message delivery request rate|Recipient address rate) limit exceeded: \d+ from [^\[]*\[([0-9.]+)\]`),
	}
)

// postfixReceiver is a Postfix that takes mail for one domain and throws it
// away. limit are the settings of its throttle.
func postfixReceiver(ctx context.Context, domain, address, limit string) (*mailServer, error) {
	m, err := newPostfix("Postfix of "+domain, address+" inet n - n - - smtpd", fmt.Sprintf(`
myhostname = mx.%[1]s
mynetworks = 127.255.255.254/32
smtpd_client_event_limit_exceptions =
relay_domains = %[1]s
relay_transport = discard:
default_transport = error:only %[1]s is served
%[2]s
`, domain, limit), postfixServices+postfixQueue)
	if err != nil {
		return nil, err
	}
	if err := m.runPostfix(ctx, address); err != nil {
		return nil, closing(err, m.close)
	}
	return m, nil
}
