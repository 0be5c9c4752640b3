package peertest

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
)

// patience is how long a program may take to start or to pass a message on.
const patience = 30 * time.Second

// TestPostfixAndOpenDKIM sends letters to a Postfix whose OpenDKIM verifies them,
// and reads the verdict in what Postfix passes on.
func TestPostfixAndOpenDKIM(t *testing.T) {
	t.Parallel()
	postfix := program(t, "/usr/sbin/postfix", "postfix")
	opendkim := program(t, "/usr/sbin/opendkim", "opendkim")
	if os.Getuid() != 0 {
		t.Skip("Postfix runs as root only")
	}
	genuine := write(t)
	folder := openFolder(t)
	sink := startSink(t)
	milter := startOpenDKIM(t, opendkim, folder, genuine)
	server := startPostfix(t, postfix, folder, milter, sink.address)
	for _, tt := range []struct {
		name string
		letter
		pass, fail int
	}{
		{"genuine", genuine, 2, 0},
		{"forged", genuine.forge(t), 0, 2},
	} {
		send(t, server, tt.signed)
		results := authenticationResults(sink.next(t))
		pass, fail := strings.Count(results, "dkim=pass"), strings.Count(results, "dkim=fail")
		if pass != tt.pass || fail != tt.fail {
			t.Errorf("%s: %d pass and %d fail, want %d and %d: %s", tt.name, pass, fail, tt.pass, tt.fail, results)
		}
	}
}

// openFolder returns a new folder that other users can enter. Its removal is not
// left to t.TempDir, whose folders they cannot.
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

// startOpenDKIM starts a verifier that knows the letter's records and returns its
// address.
func startOpenDKIM(t *testing.T, program, folder string, l letter) string {
	t.Helper()
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	config := writeFile(t, folder, "opendkim.conf", fmt.Sprintf(`
Syslog no
Mode v
AuthservID mx.recipient.test
AlwaysAddARHeader yes
InternalHosts 192.0.2.1
UserID opendkim
Socket inet:%s@%s
TestDNSData file:%s
`, port, host, l.zone(t, folder)))
	verifier := exec.Command(program, "-f", "-x", config)
	start(t, folder, verifier, func() error { return verifier.Process.Signal(syscall.SIGTERM) })
	awaitListener(t, address)
	return address
}

// startPostfix starts a Postfix of its own, which passes everything on to sink,
// and returns its address.
func startPostfix(t *testing.T, program, folder, milter, sink string) string {
	t.Helper()
	address := freeAddress(t)
	for _, name := range []string{"queue", "data"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("chown", "postfix", filepath.Join(folder, "data")).Run(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, folder, "main.cf", fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/maillog
myhostname = mx.recipient.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
relay_domains = recipient.test
relay_transport = smtp:%[2]s
default_transport = error:only recipient.test is served
smtpd_milters = inet:%[3]s
milter_default_action = tempfail
`, folder, bracketed(sink), milter))
	writeFile(t, folder, "master.cf", strings.ReplaceAll(`
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
`, "ADDRESS", address))
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(folder, "maillog"))
			t.Logf("Postfix logged:\n%s", log)
		}
	})
	start(t, folder, exec.Command(program, "-c", folder, "start-fg"), exec.Command(program, "-c", folder, "stop").Run)
	awaitListener(t, address)
	return address
}

// start starts a program. After the test it has end tell the program to end, and
// waits until it has.
func start(t *testing.T, folder string, cmd *exec.Cmd, end func() error) {
	t.Helper()
	output, err := os.CreateTemp(folder, "output-")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
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
			t.Logf("%s said:\n%s", cmd, said)
		}
	})
}

// freeAddress returns an address on loopback where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitListener waits until somebody listens.
func awaitListener(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens on %s after %v: %v", address, patience, err)
		}
	}
}

func writeFile(t *testing.T, folder, name, text string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// zone writes the letter's records as OpenDKIM's test data.
func (l letter) zone(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range l.records {
		fmt.Fprintf(&b, "%s %s\n", r.Name, r.Value)
	}
	return writeFile(t, folder, "zone", b.String())
}

// bracketed writes an address the way Postfix names a next hop without DNS.
func bracketed(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return "[" + host + "]:" + port
}

// send hands a message to a server.
func send(t *testing.T, server string, signed []byte) {
	t.Helper()
	client, err := smtp.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.SendMail("b.abc@b."+domain, []string{"ana@recipient.test"}, strings.NewReader(string(signed))); err != nil {
		t.Fatal(err)
	}
}

// authenticationResults returns the unfolded Authentication-Results field.
func authenticationResults(raw string) string {
	header, _, _ := strings.Cut(raw, "\r\n\r\n")
	for _, field := range strings.Split(strings.NewReplacer("\r\n\t", " ", "\r\n ", " ").Replace(header), "\r\n") {
		if strings.HasPrefix(field, "Authentication-Results:") {
			return field
		}
	}
	return ""
}

// sink is the server behind Postfix.
type sink struct {
	address  string
	messages chan string
}

func startSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{messages: make(chan string, 8)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{s}, nil }))
	server.Domain = "sink.recipient.test"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-served
	})
	return s
}

// next returns the next message that arrives.
func (s *sink) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-s.messages:
		return m
	case <-time.After(patience):
		t.Fatalf("no message after %v", patience)
		return ""
	}
}

// session takes every message.
type session struct{ sink *sink }

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

func (s session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.sink.messages <- string(raw)
	return err
}
