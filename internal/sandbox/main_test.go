package sandbox

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run starts the sandbox that a text describes.
func run(t *testing.T, text string, opts Options) *Sandbox {
	t.Helper()
	f, problems, err := Load(strings.NewReader(text), "test.yaml")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	s, err := Start(t.Context(), f, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// one describes a provider Northmail with one domain and one host; the lines
// are its other keys.
func one(lines ...string) string {
	return "providers:\n  - name: Northmail\n    domains: [northmail.test]\n    " + strings.Join(lines, "\n    ") + "\n"
}

// client is a bare SMTP client that sees every line.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// dial connects from a source address to the n-th host, from 0.
func dial(t *testing.T, s *Sandbox, from string, n int) *client {
	t.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", hostAddress(s, n))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

// play runs a dialogue: "> line" is said, anything else is expected. "<EOF>"
// expects the end, "<STARTTLS>" shakes hands. A line may end in "…", which
// stands for any rest.
func (c *client) play(dialogue string) {
	c.t.Helper()
	var want, got []string
	for line := range strings.Lines(dialogue) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case line == "<STARTTLS>":
			secure := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
			if err := secure.Handshake(); err != nil {
				c.t.Fatal(err)
			}
			c.conn, c.in = secure, bufio.NewReader(secure)
		case strings.HasPrefix(line, "> "):
			said := strings.ReplaceAll(line[2:], `\n`, "\r\n") + "\r\n"
			if _, err := c.conn.Write([]byte(said)); err != nil {
				c.t.Fatalf("%s: %v", line, err)
			}
		default:
			heard, err := c.in.ReadString('\n')
			heard = strings.TrimRight(heard, "\r\n")
			if err != nil {
				heard = "<EOF>"
			}
			if start, open := strings.CutSuffix(line, "…"); open && strings.HasPrefix(heard, start) {
				heard = line
			}
			want, got = append(want, line), append(got, heard)
			if line != heard {
				c.t.Fatalf("the dialogue goes otherwise (-want +got):\n%s", cmp.Diff(want, got))
			}
		}
	}
}

// eventually waits until what is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

var insecure = &tls.Config{InsecureSkipVerify: true}

// hostAddress is where the n-th host listens.
func hostAddress(s *Sandbox, n int) string {
	return netip.AddrPortFrom(addressOf(n), uint16(s.SMTPPort())).String()
}
