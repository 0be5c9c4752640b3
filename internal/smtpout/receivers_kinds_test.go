package smtpout

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// receiverPatience is how long a mail server may take to start, to deliver and
// to end, on a machine with other work.
const receiverPatience = 60 * time.Second

// receiverKind is how to run one of Debian's mail servers. In its texts FOLDER
// is its own folder, PORT the port on 127.0.0.1, SIZE the largest message.
type receiverKind struct {
	name      string
	program   string   // where its package puts it
	variable  string   // of the environment: the folder that the package was unpacked into
	accounts  []string // that its package makes
	files     map[string]string
	prepare   string // of the shell, as root, in a mount namespace of its own
	command   string
	without   []string // extensions that it does not have
	breaksTLS bool     // it offers STARTTLS, and the handshake fails
	atATime   int      // messages per connection, until its limit of rate is met
}

func (k receiverKind) lacks(extension string) bool { return slices.Contains(k.without, extension) }

var postfix = receiverKind{
	name: "Postfix", program: "/usr/sbin/postfix", atATime: 20,
	files: map[string]string{
		"boxes": "/^reader.*/ all/\n",
		"main.cf": `
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
maillog_file_prefixes = FOLDER
maillog_file = FOLDER/log
myhostname = mx.two.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.255.255.254/32
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtputf8_enable = yes
message_size_limit = SIZE
virtual_mailbox_domains = two.test
virtual_mailbox_base = FOLDER/mail
virtual_mailbox_maps = regexp:FOLDER/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = may
smtpd_tls_cert_file = FOLDER/tls.crt
smtpd_tls_key_file = FOLDER/tls.key
smtpd_client_message_rate_limit = 60
smtpd_client_event_limit_exceptions =
`,
		"master.cf": `
127.0.0.1:PORT inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`},
	prepare: "mkdir FOLDER/queue FOLDER/data && chown postfix FOLDER/data",
	command: "/usr/sbin/postfix -c FOLDER start-fg",
}

var exim = receiverKind{
	name: "Exim", program: "/usr/sbin/exim4", variable: "HEADWAY_TEST_EXIM", accounts: []string{"Debian-exim"}, atATime: 20,
	files: map[string]string{"exim.conf": `
primary_hostname = mx.two.test
deliver_drop_privilege
spool_directory = FOLDER/spool
log_file_path = FOLDER/%slog
pid_file_path = FOLDER/pid
local_interfaces = <; [127.0.0.1]:PORT
daemon_smtp_ports = PORT
tls_advertise_hosts = *
tls_certificate = FOLDER/tls.crt
tls_privatekey = FOLDER/tls.key
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
accept_8bitmime
message_size_limit = SIZE
rfc1413_hosts =
host_lookup =
keep_environment =
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
begin acl
acl_mail:
  defer message = too much mail, try again later
        ratelimit = 60 / 1h / per_mail / strict
  accept
acl_rcpt:
  accept domains = two.test
         local_parts = ^reader
  deny message = no such user
begin routers
all:
  driver = accept
  transport = store
begin transports
store:
  driver = appendfile
  directory = FOLDER/mail/all
  maildir_format
  create_directory
`},
	// Who it is when it has given up root's rights may start it, too.
	prepare: "mkdir FOLDER/spool && chown -R Debian-exim FOLDER",
	command: "setpriv --reuid 9900 --regid 9900 --clear-groups /usr/sbin/exim4 -bdf -C FOLDER/exim.conf",
}

var openSMTPD = receiverKind{
	name: "OpenSMTPD", program: "/usr/sbin/smtpd", variable: "HEADWAY_TEST_OPENSMTPD", atATime: 80,
	accounts: []string{"opensmtpd", "opensmtpq"},
	// Debian 12 builds 6.8 with an OpenSSL that does not ask the process that
	// has the key: "missing private key", whoever calls.
	breaksTLS: true,
	without:   []string{"PIPELINING", "CHUNKING"},
	files: map[string]string{
		"store": "#!/bin/sh\nname=$(mktemp FOLDER/mail/XXXXXXXX) && cat >$name.part && mv $name.part $name\n",
		"smtpd.conf": `
pki "mx.two.test" cert "FOLDER/tls.crt"
pki "mx.two.test" key "FOLDER/tls.key"
smtp max-message-size SIZE
smtp limit max-mails 40
table boxes { "reader1" = "nobody", "reader2" = "nobody", "reader3" = "nobody", "reader4" = "nobody" }
listen on 127.0.0.1 port PORT hostname "mx.two.test" tls pki "mx.two.test"
action "store" mda "FOLDER/store" virtual <boxes>
match from any for domain "two.test" action "store"
`},
	// Its folders are fixed when it is built.
	prepare: "mount -t tmpfs none /var/spool && mount -t tmpfs none /var/lib && mount -t tmpfs none /run && " +
		"mkdir -p -m 711 /var/spool/smtpd /var/lib/opensmtpd/empty && chmod 755 FOLDER/store && chown -R nobody FOLDER/mail",
	command: "/usr/sbin/smtpd -d -f FOLDER/smtpd.conf",
}

var sendmail = receiverKind{
	name: "Sendmail", program: "/usr/libexec/sendmail/sendmail", variable: "HEADWAY_TEST_SENDMAIL", atATime: 1,
	accounts: []string{"smmta", "smmsp"}, without: []string{"CHUNKING"},
	files: map[string]string{
		"store": "#!/bin/sh\nname=$(mktemp FOLDER/mail/XXXXXXXX) && cat >$name.part && mv $name.part $name\n",
		"sendmail.cf": `V10/Berkeley
DnMAILER-DAEMON
Djmx.two.test
O DaemonPortOptions=Port=PORT,Addr=127.0.0.1,Name=MTA
O QueueDirectory=FOLDER/spool
O PidFile=FOLDER/pid
O StatusFile=FOLDER/statistics
O DefaultUser=nobody
O HostStatusDirectory=
O EightBitMode=pass8
O MaxMessageSize=SIZE
O ServerCertFile=/var/lib/tls.crt
O ServerKeyFile=/var/lib/tls.key
O CACertFile=/var/lib/tls.crt
O CACertPath=/var/lib
O ConnectionRateWindowSize=60
O ResolverOptions=-DNSRCH
O ServiceSwitchFile=FOLDER/switch
O HostsFile=/etc/hosts
O Timeout.ident=0
O DeliveryMode=background
Karith arith
HReceived: from $s by $j id $i; $b
Scanonify=3
R$* < $* > $*	$2
Sparse=0
R$+	$#store $@ two.test $: $1
Scheck_relay
R$*	$: $(arith l $@ 25 $@ $&{client_rate} $)
RTRUE	$#error $@ 4.3.2 $: "421 Too many connections from you, try again later"
Scheck_rcpt
R< nobody @ $* >	$#error $@ 5.1.1 $: "550 no such user"
R nobody @ $*	$#error $@ 5.1.1 $: "550 no such user"
Mstore,	P=FOLDER/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
Mlocal,	P=FOLDER/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
Mprog,	P=FOLDER/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
`,
		"switch": "hosts files\naliases files\n"},
	// It takes no key from below a folder where all may write.
	prepare: "mount -t tmpfs -o mode=755 none /var/lib && cp -p FOLDER/tls.crt FOLDER/tls.key /var/lib && " +
		"mkdir -m 700 FOLDER/spool && chmod 755 FOLDER/store && chown -R nobody FOLDER/mail",
	command: "/usr/libexec/sendmail/sendmail -C FOLDER/sendmail.cf -bD",
}

// startReceiver starts a server of a kind and waits until it listens.
func startReceiver(t *testing.T, kind receiverKind) *receiver {
	t.Helper()
	overlay := kind.place(t)
	folder, err := os.MkdirTemp("", "headway-receiver-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(folder)
		for deadline := time.Now().Add(receiverPatience); err != nil && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			err = os.RemoveAll(folder) // who still wrote has been killed by now
		}
		if err != nil {
			t.Error(err)
		}
	})
	r := &receiver{receiverKind: kind, folder: folder, port: freePort(t), sent: make(map[string]string)}
	r.layOut(t)
	// The shell stays, as the first of the namespace: it dies with unshare, and the
	// namespace with it. A program that changes its user would no longer.
	script := r.fill(cmp.Or(overlay, "true") + " && " + r.surroundings(t) + " && " + kind.prepare + " && " + kind.command + "; exit $?")
	cmd := exec.Command("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", script)
	output, err := os.Create(filepath.Join(folder, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { r.end(t, cmd, ended) })
	r.await(t, ended)
	return r
}

// place says how to put the kind's files where they belong, for itself only, or
// skips the test.
func (k receiverKind) place(t *testing.T) string {
	if os.Getuid() != 0 {
		t.Skip("mail servers are started by root only")
	}
	if err := exec.Command("unshare", "--mount", "--uts", "--pid", "--fork", "true").Run(); err != nil {
		t.Skipf("%s is started in a mount namespace, which cannot be made here: %v", k.name, err)
	}
	if _, err := os.Stat(k.program); err == nil {
		return ""
	}
	root := strings.TrimSuffix(os.Getenv(k.variable), k.program)
	if _, err := os.Stat(root + k.program); k.variable == "" || root == "" || err != nil {
		t.Skipf("%s is not installed (%s): nothing to send to", k.name, k.program)
	}
	return "mount -t overlay overlay -o lowerdir=" + root + "/usr:/usr /usr"
}

// layOut writes what the server reads.
func (r *receiver) layOut(t *testing.T) {
	t.Helper()
	files := rsaCertificate(t)
	files["hosts"] = "127.0.0.1 mx.two.test localhost\n"
	files["resolv.conf"] = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n" // nobody answers there
	for name, text := range r.files {
		files[name] = r.fill(text)
	}
	for name, text := range files {
		mode := os.FileMode(0o644)
		if name == "tls.key" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	mail := filepath.Join(r.folder, "mail")
	for _, err := range []error{os.Mkdir(mail, 0o755), os.Chmod(r.folder, 0o755), os.Chown(mail, 65534, 65534)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// rsaCertificate makes a certificate of mx.two.test that [roots] vouches for,
// with an RSA key, as most mail servers have.
func rsaCertificate(t *testing.T) map[string]string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuer := certificate()
	template := *issuer.Leaf
	template.SerialNumber, template.IsCA, template.SignatureAlgorithm = big.NewInt(2), false, x509.UnknownSignatureAlgorithm
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.Leaf, key.Public(), issuer.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"tls.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"tls.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	}
}

func (r *receiver) fill(text string) string {
	return strings.NewReplacer("FOLDER", r.folder, "PORT", fmt.Sprint(r.port), "SIZE", fmt.Sprint(receiverSize)).Replace(text)
}

// surroundings lets the server see the accounts that its package would have
// made, no name server, and the name of its machine.
func (r *receiver) surroundings(t *testing.T) string {
	steps := "hostname mx.two.test && mount --bind FOLDER/hosts /etc/hosts && mount --bind FOLDER/resolv.conf /etc/resolv.conf"
	for name, line := range map[string]string{"passwd": "%s:x:%d:%[2]d::/:/bin/false\n", "group": "%s:x:%d:\n"} {
		known, err := os.ReadFile("/etc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i, account := range r.accounts {
			known = fmt.Appendf(known, line, account, 9900+i)
		}
		if err := os.WriteFile(filepath.Join(r.folder, name), known, 0o644); err != nil {
			t.Fatal(err)
		}
		steps += " && mount --bind FOLDER/" + name + " /etc/" + name
	}
	return steps
}

func (r *receiver) await(t *testing.T, ended chan error) {
	t.Helper()
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.port).String()
	for deadline := time.Now().Add(receiverPatience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", r.name, err)
		default:
		}
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen on %s", r.name, address)
}

// end ends the server, and with its namespace all that it started.
func (r *receiver) end(t *testing.T, cmd *exec.Cmd, ended <-chan error) {
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("end %s: %v", r.name, err)
	}
	<-ended
	if t.Failed() {
		for _, name := range []string{"output", "log", "mainlog", "paniclog", "rejectlog"} {
			if text, err := os.ReadFile(filepath.Join(r.folder, name)); err == nil {
				t.Logf("%s, %s:\n%s", r.name, name, text[max(0, len(text)-6000):])
			}
		}
	}
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}
