package smtpout

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/headwaymail/headway/internal/dnsclient"
)

var update = flag.Bool("update", false, "write what happened into the transcripts as what should")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTranscripts plays every file of testdata/transcript: what the client is
// told to do, what the server says and expects to hear, and what the client
// then knows. Each runs in a bubble over in-memory pipes, where a byte that was
// written was read; those whose outcome does not hang on that, over loopback
// sockets, too.
//
// Each of these turns is there at every point where it can come: 421 (greeting-,
// ehlo-, mail-, rcpt-, data-, body-, bdat-, dot-, rset-, idle-), a close without
// a word (the same, and tls-), silence, a reader that slows down or stops
// (body-slow), single bytes (ok-single-bytes), replies of 2 MB (dot-2mb), cut
// short (-cut) and with the code on the last line only (dot-last-line,
// greeting-421-multiline), STARTTLS that is refused, injected into, answered
// with rubbish or with nothing (tls-), a pipelined flight with a refused RCPT and
// a 354 after it (rcpt-refused-354), BDAT refused (bdat-refused), one reply too many
// (stray-); and over a
// relay with AUTH, in the clear (relay-auth-) and with TLS from the first byte
// (relay-tls-). TestCutAnywhere closes after every single byte.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "transcript", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d transcripts (%v)", len(files), err)
	}
	certificate() // made outside the bubbles, whose clock is another
	for _, file := range files {
		tr := readTranscript(t, file)
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name+"/pipe", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { tr.check(t, tr.overPipe(t)) })
		})
		if !tr.pipeOnly {
			t.Run(name+"/socket", func(t *testing.T) {
				t.Parallel()
				tr.check(t, tr.overSocket(t))
			})
		}
	}
}

// transcript is one file: a comment, then the parts "-- client --",
// "-- server --" and "-- outcome --".
type transcript struct {
	file     string
	before   string // the file up to the outcome
	client   []string
	servers  [][]string // one script per connection
	want     string
	pipeOnly bool
}

func readTranscript(t *testing.T, file string) *transcript {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tr := &transcript{file: file}
	tr.before, tr.want, _ = strings.Cut(string(text), "-- outcome --\n")
	comment, parts, ok := strings.Cut(tr.before, "-- client --\n")
	client, server, ok2 := strings.Cut(parts, "-- server --\n")
	if !ok || !ok2 {
		t.Fatalf("%s needs the parts client and server", file)
	}
	tr.pipeOnly = strings.Contains(comment, "(pipe)")
	tr.client = strings.Split(strings.TrimSpace(client), "\n")
	for script := range strings.SplitSeq(server, "connection\n") {
		tr.servers = append(tr.servers, strings.Split(strings.TrimSpace(script), "\n"))
	}
	return tr
}

func (tr *transcript) check(t *testing.T, got string) {
	if *update && strings.HasSuffix(t.Name(), "/pipe") {
		if err := os.WriteFile(tr.file, []byte(tr.before+"-- outcome --\n"+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(tr.want, got); diff != "" && !*update {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func (tr *transcript) overPipe(t *testing.T) string {
	var next int
	played, left := make(chan error, len(tr.servers)), make(chan struct{})
	d := &Dialer{Connect: func(context.Context, netip.AddrPort) (net.Conn, error) {
		if next == len(tr.servers) {
			return nil, errors.New("the script knows no further connection")
		}
		ours, theirs := net.Pipe()
		go func(script []string) { played <- play(theirs, script, left) }(tr.servers[next])
		next++
		return ours, nil
	}}
	got := tr.act(t, d)
	close(left)
	tr.served(t, played)
	return got
}

func (tr *transcript) overSocket(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	played, left := make(chan error, len(tr.servers)), make(chan struct{})
	go func() {
		for _, script := range tr.servers {
			conn, err := listener.Accept()
			if err != nil {
				played <- err
				continue
			}
			played <- play(conn, script, left)
		}
	}()
	got := tr.act(t, &Dialer{Port: netip.MustParseAddrPort(listener.Addr().String()).Port()})
	close(left)
	tr.served(t, played)
	return got
}

func (tr *transcript) served(t *testing.T, played <-chan error) {
	for range tr.servers {
		if err := <-played; err != nil {
			t.Error(err)
		}
	}
}

// act does what the client part says and returns what the client then knows:
//
//	dial [tls=off|required|verified] [relay=auth|tls]
//	send [body=NAME] [from=A] [to=A] [utf8] [cancel=10s]
//	wait 10s
//	close
func (tr *transcript) act(t *testing.T, d *Dialer) string {
	d.HELO, d.LoopbackOnly, d.Resolver = "out.test", true, oneHost{}
	d.TLS.Roots = roots()
	d.Timeouts = Timeouts{Dial: time.Hour}
	var log strings.Builder
	var session *Session
	for _, line := range tr.client {
		words := strings.Fields(line)
		options := make(map[string]string)
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			options[name] = value
		}
		switch words[0] {
		case "dial":
			d.TLS.Mode = map[string]TLSMode{"off": TLSOff, "required": TLSRequired, "verified": TLSVerified}[options["tls"]]
			if kind, ok := options["relay"]; ok { // found by its address; "tls": from the first byte
				d.Relays = relayed("*", Relay{Host: "127.0.0.1", Port: d.Port, Implicit: kind == "tls", User: "ann", Password: "open sesame"})
			}
			started := time.Now()
			var err error
			session, err = d.Dial(t.Context(), "two.test", TLSOpportunistic)
			fmt.Fprintln(&log, "dial:", dialled(session, err)+took(time.Since(started)))
		case "send":
			fmt.Fprintln(&log, "send:", sent(t, session, options))
		case "wait":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
		case "close":
			session.Close(t.Context())
		default:
			t.Fatalf("client line %q", line)
		}
	}
	if session != nil && !session.Closed() {
		t.Error("the session was left open")
		session.abandon()
	}
	return log.String()
}

func dialled(s *Session, err error) string {
	if err != nil {
		f := err.(*Failure)
		kind := "temporary"
		if f.Permanent {
			kind = "permanent"
		}
		return fmt.Sprintf("%s at %s: %s", kind, f.Stage, spelled(f.Reply.Code, f.Reply.Enhanced, f.Reply.Lines))
	}
	info := s.Info()
	var encrypted string
	if info.TLS.Version != "" {
		encrypted = ", encrypted"
	}
	if info.TLS.Verified {
		encrypted = ", verified"
	}
	return strings.TrimSpace(fmt.Sprintf("%s%s: %s", s.Host(), encrypted, info.Extensions))
}

func sent(t *testing.T, s *Session, options map[string]string) string {
	env := Envelope{From: "news@out.test", To: "ana@two.test"}
	if from, ok := options["from"]; ok {
		env.From = from
	}
	if to, ok := options["to"]; ok {
		env.To = to
	}
	_, env.UTF8 = options["utf8"]
	env.ID, env.ReturnHeaders = options["id"], options["id"] != ""
	name := "hello"
	if b, ok := options["body"]; ok {
		name = b
	}
	body := bodies[name]
	if name == "unended" {
		body = strings.TrimSuffix(body, "\r\n")
	}
	ctx := t.Context()
	if after, ok := options["cancel"]; ok {
		d, err := time.ParseDuration(after)
		if err != nil {
			t.Fatal(err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer time.AfterFunc(d, cancel).Stop()
	}
	o := s.Send(ctx, env, []byte(body))
	if o.TLS != s.Info().TLS.String() {
		t.Errorf("the outcome says TLS %q", o.TLS)
	}
	verdict := "refused"
	switch {
	case o.Accepted:
		verdict = "accepted"
	case o.InDoubt:
		verdict = "in doubt"
	case o.Reply.Code == 0:
		verdict = "lost"
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Unsent, "unsent"}, {o.Local, "local"}, {o.Closed, "closed"}} {
		if flag.set {
			verdict += ", " + flag.name
		}
	}
	if o.Closed != s.Closed() {
		t.Errorf("the outcome says closed %v, the session %v", o.Closed, s.Closed())
	}
	return fmt.Sprintf("%s at %s: %s", verdict, o.Reply.Phase, spelled(o.Reply.Code, o.Reply.Enhanced, o.Reply.Lines)) + took(o.Took)
}

// took names a time that is worth it; that of a conversation without waits is not.
func took(d time.Duration) string {
	if d = d.Round(5 * time.Second); d > 0 {
		return fmt.Sprintf(" (after %v)", d)
	}
	return ""
}

// spelled writes a reply as "550 {5.1.1} first | second". How a connection was
// lost depends on the transport and does not matter here.
func spelled(code int, enhanced string, lines []string) string {
	text := strings.Join(lines, " | ")
	text = strings.Replace(text, "the server reset the connection", "the server closed the connection", 1)
	if len(text) > 200 {
		text = fmt.Sprintf("%s … (%d lines, %d bytes)", text[:60], len(lines), len(text))
	}
	if enhanced != "" {
		text = "{" + enhanced + "} " + text
	}
	return fmt.Sprintf("%d %s", code, text)
}

// oneHost is a resolver that knows one mail host.
type oneHost struct{}

func (oneHost) MX(context.Context, string) (dnsclient.MXAnswer, error) {
	return dnsclient.MXAnswer{Hosts: []dnsclient.MX{{Host: "mx.two.test", Preference: 10}}}, nil
}

func (oneHost) Addrs(context.Context, string) (dnsclient.AddrAnswer, error) {
	return dnsclient.AddrAnswer{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}, nil
}
