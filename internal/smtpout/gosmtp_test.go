package smtpout

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// mailbox is a go-smtp server's backend that keeps what it accepts and refuses
// what its addresses and texts ask it to.
type mailbox struct {
	mu   sync.Mutex
	mail map[string]string // recipient → message; guarded by mu
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }

type delivery struct {
	box *mailbox
	to  string
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	if strings.HasPrefix(from, "blocked") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "We do not know you.\nGo away."}
	}
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	d.to = to
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if strings.Contains(string(message), "spam") {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"}
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.mail[d.to] += string(message)
	return nil
}

func (d *delivery) Reset()        { d.to = "" }
func (d *delivery) Logout() error { return nil }

// serveMail starts a go-smtp server on loopback and returns its port.
func serveMail(t testing.TB, box *mailbox, encrypted bool) uint16 {
	t.Helper()
	server := smtp.NewServer(box)
	server.Domain = "mx.two.test"
	server.MaxMessageBytes = 1 << 20
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	if encrypted {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return netip.MustParseAddrPort(listener.Addr().String()).Port()
}

// serveDNS starts a DNS server that leads two.test to mx.two.test on loopback.
func serveDNS(t testing.TB) *dnsclient.Resolver {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	records := make(map[string]dns.RR)
	for _, line := range []string{"two.test. 60 IN MX 10 mx.two.test.", "mx.two.test. 60 IN A 127.0.0.1"} {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records[fmt.Sprint(rr.Header().Name, rr.Header().Rrtype)] = rr
	}
	started, done := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		if rr, ok := records[fmt.Sprint(strings.ToLower(q.Question[0].Name), q.Question[0].Qtype)]; ok {
			a.Answer = []dns.RR{rr}
		}
		w.WriteMsg(a)
	})}
	go func() { defer close(done); server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { server.Shutdown(); <-done })
	r, err := dnsclient.New(dnsclient.Config{Servers: []netip.AddrPort{netip.MustParseAddrPort(packets.LocalAddr().String())}, LoopbackOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGoSMTP sends through real DNS and a real server, several sessions at once:
// all that was accepted arrived as it was sent, once, and nothing else did.
func TestGoSMTP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		encrypted bool
		ignore    []string
	}{
		{"chunking", false, nil}, {"pipelining", false, []string{"chunking"}}, {"plain", false, []string{"CHUNKING", "PIPELINING"}},
		{"chunking over TLS", true, nil}, {"pipelining over TLS", true, []string{"CHUNKING"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			box := &mailbox{mail: make(map[string]string)}
			d := &Dialer{Resolver: serveDNS(t), Port: serveMail(t, box, tc.encrypted), HELO: "out.test", LoopbackOnly: true, Ignore: tc.ignore}
			var mu sync.Mutex
			want := make(map[string]string)
			var wg sync.WaitGroup
			for lane := range 4 {
				wg.Go(func() {
					session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
					if err != nil {
						t.Error(err)
						return
					}
					defer session.Close(t.Context())
					if got := session.Info().TLS.Version != ""; got != tc.encrypted {
						t.Errorf("encrypted is %v", got)
					}
					for i := range 60 {
						env, body, code := goSMTPMessage(lane, i)
						o := session.Send(t.Context(), env, []byte(body))
						if o.Reply.Code != code || o.Closed || o.InDoubt || o.Accepted != (code == 250) || o.Accepted && o.Took <= 0 {
							t.Errorf("message %d: %+v, want %d", i, o, code)
						}
						if o.Accepted {
							mu.Lock()
							want[env.To] += body
							mu.Unlock()
						}
					}
					if session.Messages() != 59 {
						t.Errorf("%d transactions", session.Messages())
					}
				})
			}
			wg.Wait()
			if diff := cmp.Diff(want, box.mail); diff != "" {
				t.Errorf("mail (-sent +arrived):\n%.2000s", diff)
			}
			if len(want) != 4*44 {
				t.Errorf("%d recipients got mail", len(want))
			}
		})
	}
}

// goSMTPMessage makes the i-th message of a lane and the code it must get.
func goSMTPMessage(lane, i int) (Envelope, string, int) {
	env := Envelope{From: "news@out.test", To: fmt.Sprintf("r%d-%d@two.test", lane, i)}
	body := fmt.Sprintf("Subject: %d\r\n\r\n.\r\n..%s\r\n.\r\n", i, strings.Repeat("x\r\n", i*i))
	switch {
	case i == 30: // larger than the server says it takes: refused here
		return env, strings.Repeat("0123456789\r\n", 100_000), 552
	case i == 31: // larger than what travels in one flight
		return env, strings.Repeat("0123456789\r\n", 50_000), 250
	case i%10 == 3:
		env.To = "nobody@two.test"
		return env, body, 550
	case i%10 == 6:
		env.From = "blocked@out.test"
		return env, body, 550
	case i%10 == 9 && i < 30:
		return env, body + "spam\r\n", 554
	case i == 40:
		env.To = fmt.Sprintf("jürgen%d@two.test", lane)
	}
	return env, body, 250
}

// stubborn is a real server that takes an envelope and then does not read the
// message. what it does instead is the test's.
func stubborn(t *testing.T, instead func(*net.TCPConn)) *Session {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	left, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		p := &peer{conn: conn, left: left}
		for _, step := range []string{"S: 220 mx", "C: EHLO out.test", "S: 250-mx", "S: 250 PIPELINING", "C: MAIL FROM:<news@out.test>",
			"C: RCPT TO:<ana@two.test>", "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go on", "read 1000"} {
			verb, arg, _ := strings.Cut(step, " ")
			if err := p.act(verb, arg); err != nil {
				t.Error(step, err)
			}
		}
		instead(conn.(*net.TCPConn))
		<-left
	}()
	t.Cleanup(func() { close(left); <-done; listener.Close() })
	d := &Dialer{Resolver: oneHost{}, Port: netip.MustParseAddrPort(listener.Addr().String()).Port(), HELO: "out.test", LoopbackOnly: true}
	session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// TestBlockedWriteEnds fills a real socket's buffers and then lets the session
// end in each of the ways that must not wait for them to drain.
func TestBlockedWriteEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		instead func(cancel func(), conn *net.TCPConn)
		want    string
	}{
		"context ends":             {func(cancel func(), _ *net.TCPConn) { cancel() }, "cancelled"},
		"server closes its half":   {func(_ func(), conn *net.TCPConn) { conn.CloseWrite() }, "the server closed the connection"},
		"server says 421 and sits": {func(_ func(), conn *net.TCPConn) { io.WriteString(conn, "421 4.7.0 enough\r\n") }, "421 4.7.0 enough"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			session := stubborn(t, func(conn *net.TCPConn) { tc.instead(cancel, conn) })
			body := []byte(strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 1<<18))
			started := time.Now()
			o := session.Send(ctx, Envelope{From: "news@out.test", To: "ana@two.test"}, body)
			if took := time.Since(started); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if o.Reply.String() != tc.want || !o.Closed || o.InDoubt || o.Accepted || o.Unsent {
				t.Errorf("got %+v, want %s", o, tc.want)
			}
		})
	}
}
