package peertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/internal/mailserver"
	"github.com/headwaymail/headway/internal/mailserver/mailservertest"
)

// patience is how long a program may take to pass a message on.
const patience = 30 * time.Second

// TestPostfixAndOpenDKIM sends letters to a Postfix whose OpenDKIM verifies them,
// and reads the verdict in what Postfix passes on.
func TestPostfixAndOpenDKIM(t *testing.T) {
	t.Parallel()
	genuine := write(t)
	sink := startSink(t)
	milter := mailservertest.Start(t, mailserver.OpenDKIM, mailserver.Setup{Name: "mx.recipient.test", Files: map[string]string{
		"opendkim.conf": `
Mode v
AuthservID mx.recipient.test
AlwaysAddARHeader yes
InternalHosts 192.0.2.1
TestDNSData file:{folder}/zone
`,
		"zone": genuine.zone()}})
	server := mailservertest.Start(t, mailserver.Postfix, mailserver.Setup{Name: "mx.recipient.test", Files: map[string]string{
		"main.cf": fmt.Sprintf(`
mynetworks = 127.0.0.0/8
relay_domains = recipient.test
relay_transport = smtp:%s
default_transport = error:only recipient.test is served
smtpd_milters = inet:%s
milter_default_action = tempfail
`, mailserver.NextHop(sink.address), milter.Address)}})
	for _, tt := range []struct {
		name string
		letter
		pass, fail int
	}{
		{"genuine", genuine, 2, 0},
		{"forged", genuine.forge(t), 0, 2},
	} {
		send(t, server.Address, tt.signed)
		results := authenticationResults(sink.next(t))
		pass, fail := strings.Count(results, "dkim=pass"), strings.Count(results, "dkim=fail")
		if pass != tt.pass || fail != tt.fail {
			t.Errorf("%s: %d pass and %d fail, want %d and %d: %s", tt.name, pass, fail, tt.pass, tt.fail, results)
		}
	}
}

// zone is the letter's records as OpenDKIM's test data.
func (l letter) zone() string {
	var b strings.Builder
	for _, r := range l.records {
		fmt.Fprintf(&b, "%s %s\n", r.Name, r.Value)
	}
	return b.String()
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
