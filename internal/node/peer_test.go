package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
)

// patience is how long a mail program may take to start or to pass mail on.
const patience = 60 * time.Second

// peers are the domains of real mail programs beside the simulated internet.
const peers = `providers:
  - {name: North, domains: [north1.test], latency: {reply: 1ms, message: 2ms}}
dns:
  records:
    - postfix.test MX 10 mx.postfix.test.
    - mx.postfix.test A 127.99.0.1
    - exim.test MX 10 mx.exim.test.
    - mx.exim.test A 127.99.0.2
`

// Debian's Postfix accepts what we send and then reports that it failed, to our
// return path: the deliveries are corrected and the address suppressed.
func TestPostfixReports(t *testing.T) {
	t.Parallel()
	program := peer(t, "postfix", "/usr/sbin/postfix")
	r, n := peerRig(t)
	folder := openFolder(t)
	r.startPostfix(program, folder, "127.99.0.1", n.InboundAddress())
	r.reported(n, "postfix.test")
}

// So does Debian's Exim. Its package and Postfix' exclude each other: the program
// may lie anywhere, unpacked by dpkg-deb -x.
func TestEximReports(t *testing.T) {
	t.Parallel()
	program := peer(t, "exim4", "/usr/sbin/exim4", os.Getenv("HEADWAY_TEST_EXIM"))
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skipf("Exim is started in a mount namespace, which cannot be made here: %v", err)
	}
	r, n := peerRig(t)
	folder := openFolder(t)
	r.startExim(program, folder, "127.99.0.2", n.InboundAddress())
	r.reported(n, "exim.test")
}

// nobody is the account without rights under which Exim runs.
const nobody = 65534

func peerRig(t *testing.T) (*rig, *Node) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mail programs are started by root only")
	}
	r := newRig(t, peers)
	r.config.Roles = []string{"lanes", "bulk", "inbound"}
	return r, r.node()
}

// peer returns the first path that is there.
func peer(t *testing.T, name string, paths ...string) string {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); path != "" && err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed: nothing to bounce for us", name)
	return ""
}

// reported sends to two readers of a domain, of whom reader1 is unknown there and
// the mailbox of reader2 is full, and looks at what the reports changed.
func (r *rig) reported(n *Node, domain string) {
	r.t.Helper()
	id := r.launch(n, 2, domain)
	r.until(patience, "reports of both failures", func() bool {
		return r.number(`select count(*) from inbound_mails where settled_at is not null`) >= 2
	})
	c := r.campaign(n, id)
	if c.Counters.Bounced != 2 || c.Counters.Delivered != 0 {
		r.t.Errorf("counted %+v", c.Counters)
	}
	if got := r.number(`select count(*) from suppressions where key = $1 and reason = 'bounced' and evidence->>'class' = 'bad_mailbox'
	                      and evidence->>'reply' <> '' and evidence->>'rule' <> ''`, "reader1@"+domain); got != 1 {
		r.t.Errorf("reader1 has %d suppressions with evidence", got)
	}
	if got := r.number(`select count(*) from suppressions where key = $1`, "reader2@"+domain); got != 0 {
		r.t.Error("reader2 is suppressed for a full mailbox")
	}
	if got := r.number(`select count(*) from soft_bounces where class = 'mailbox_full'`); got != 1 {
		r.t.Errorf("%d full mailboxes are counted", got)
	}
	if state := r.campaign(n, id).State; state != campaign.Sending && state != campaign.Finished {
		r.t.Errorf("the campaign is %s", state)
	}
	store := n.Database.Store
	checked, err := store.Check(context.Background())
	r.must(err)
	if len(checked.Differences) > 0 {
		r.t.Errorf("the counters differ from the ledger: %+v", checked.Differences)
	}
}

// openFolder returns a new folder that other users can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "headway-peer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// startPostfix starts a Postfix of its own, which takes mail for postfix.test,
// finds that it cannot be delivered, and reports to the bounce domain.
func (r *rig) startPostfix(program, folder, host, inbound string) {
	t := r.t
	t.Helper()
	for _, name := range []string{"queue", "data"} {
		r.must(os.Mkdir(filepath.Join(folder, name), 0o755))
	}
	r.must(exec.Command("chown", "postfix", filepath.Join(folder, "data")).Run())
	inboundHost, inboundPort, _ := net.SplitHostPort(inbound)
	address := net.JoinHostPort(host, fmt.Sprint(r.sandbox.SMTPPort()))
	r.must(os.WriteFile(filepath.Join(folder, "main.cf"), fmt.Appendf(nil, `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/maillog
myhostname = mx.postfix.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
relay_domains = postfix.test
relay_recipient_maps =
relay_transport = smtp:[127.0.0.1]:%[4]d
default_transport = smtp:[%[2]s]:%[3]s
`, folder, inboundHost, inboundPort, startRefuser(t)), 0o644))
	r.must(os.WriteFile(filepath.Join(folder, "master.cf"), []byte(strings.ReplaceAll(`
ADDRESS inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`, "ADDRESS", address)), 0o644))
	r.start(folder, "maillog", exec.Command(program, "-c", folder, "start-fg"), exec.Command(program, "-c", folder, "stop").Run)
	r.awaitListener(address)
}

// startRefuser starts the server behind Postfix, which refuses everybody, and
// returns its port.
func startRefuser(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return refuser{}, nil }))
	server.Domain = "store.postfix.test"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return listener.Addr().(*net.TCPAddr).Port
}

// refuser knows no mailbox, and that of reader2 is full.
type refuser struct{}

func (refuser) Mail(string, *smtp.MailOptions) error { return nil }
func (refuser) Data(io.Reader) error                 { return nil }
func (refuser) Reset()                               {}
func (refuser) Logout() error                        { return nil }

func (refuser) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "reader2@") {
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "the mailbox is full"}
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox here by that name"}
}

// startExim starts an Exim of its own, without privileges, which does the same.
func (r *rig) startExim(program, folder, host, inbound string) {
	r.t.Helper()
	inboundHost, inboundPort, _ := net.SplitHostPort(inbound)
	config := filepath.Join(folder, "exim.conf")
	r.must(os.WriteFile(config, fmt.Appendf(nil, `
primary_hostname = mx.exim.test
exim_path = %[1]s
deliver_drop_privilege
spool_directory = %[2]s
log_file_path = %[2]s/%%slog
pid_file_path = %[2]s/pid
local_interfaces = <; [%[3]s]:%[4]d
daemon_smtp_ports = %[4]d
tls_advertise_hosts =
rfc1413_hosts =
host_lookup =
domainlist ours = exim.test
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  accept domains = +ours
  deny
begin routers
unknown:
  driver = redirect
  domains = +ours
  local_parts = reader1
  allow_fail
  data = :fail: no such user here
full:
  driver = redirect
  domains = +ours
  local_parts = reader2
  allow_fail
  data = :fail: mailbox is full
reports:
  driver = manualroute
  domains = ! +ours
  transport = out
  route_list = * %[5]s byname
  self = send
begin transports
out:
  driver = smtp
  port = %[6]s
  hosts_try_dane =
  hosts_try_chunking =
`, program, folder, host, r.sandbox.SMTPPort(), inboundHost, inboundPort), 0o644))
	r.must(os.Chown(folder, nobody, nobody))
	// Exim looks up the account that its package makes, even when it never uses
	// it: in a mount namespace of its own it finds one.
	for _, name := range []string{"passwd", "group"} {
		known, err := os.ReadFile("/etc/" + name)
		r.must(err)
		lines := map[string]string{"passwd": "Debian-exim:x:%d:%d::/:/bin/false\n", "group": "Debian-exim:x:%[2]d:\n"}
		known = append([]byte(fmt.Sprintf(lines[name], nobody, nobody)), known...)
		r.must(os.WriteFile(filepath.Join(folder, name), known, 0o644))
	}
	daemon := exec.Command("unshare", "-m", "sh", "-c", fmt.Sprintf("mount --bind %[1]s/passwd /etc/passwd && mount --bind %[1]s/group /etc/group && "+
		"exec setpriv --reuid %[2]d --regid %[2]d --clear-groups %[3]s -bdf -q10s -C %[4]s", folder, nobody, program, config))
	r.start(folder, "mainlog", daemon, func() error { return daemon.Process.Signal(syscall.SIGTERM) })
	r.awaitListener(net.JoinHostPort(host, fmt.Sprint(r.sandbox.SMTPPort())))
}

// start starts a program. After the test it has end tell the program to end, and
// waits until it has.
func (r *rig) start(folder, logName string, cmd *exec.Cmd, end func() error) {
	t := r.t
	t.Helper()
	output, err := os.CreateTemp(folder, "output-")
	r.must(err)
	cmd.Stdout, cmd.Stderr = output, output
	r.must(cmd.Start())
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Errorf("end %s: %v", cmd, err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: %v", cmd, err)
		}
		if t.Failed() {
			said, _ := os.ReadFile(output.Name())
			log, _ := os.ReadFile(filepath.Join(folder, logName))
			t.Logf("%s said:\n%s\nand logged:\n%s", cmd, said, log)
		}
	})
}

func (r *rig) awaitListener(address string) {
	r.t.Helper()
	r.until(patience, "somebody listens on "+address, func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}
