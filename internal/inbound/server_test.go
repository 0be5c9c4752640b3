package inbound

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign/token"
)

// bundle is a server with what it stored.
type bundle struct {
	*Server
	tokens *token.Keyring
	fail   error

	mu    sync.Mutex
	mails []Mail // guarded by mu
}

func setup(t *testing.T, fail error) *bundle {
	t.Helper()
	keys, err := token.NewKeyring(1, map[int][]byte{1: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{tokens: keys, fail: fail}
	b.Server = Listen(listener, Config{Domain: "bounces.test", Tokens: keys, Log: slog.New(slog.DiscardHandler),
		Store: func(_ context.Context, m Mail) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mails = append(b.mails, m)
			return b.fail
		}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bundle) mint(purpose token.Purpose, age time.Duration) string {
	return b.tokens.Mint(token.Claims{Purpose: purpose, Campaign: 7, Contact: 11, Day: time.Now().Add(-age)})
}

// client speaks SMTP by hand.
type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func (b *bundle) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &client{t, conn, bufio.NewReader(conn)}
}

// say sends a line, unless it is empty, and returns the last line of the reply.
func (c *client) say(line string) string {
	c.t.Helper()
	if line != "" {
		if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
			return err.Error()
		}
	}
	for {
		reply, err := c.lines.ReadString('\n')
		if err != nil {
			return err.Error()
		}
		if len(reply) > 3 && reply[3] == ' ' {
			return strings.TrimSpace(reply)
		}
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	forged := []byte(b.mint(token.Bounce, 0))
	forged[5] ^= 1
	for name, tt := range map[string]struct{ to, want string }{
		"a return path":                         {"b." + b.mint(token.Bounce, 0) + "@bounces.test", "250"},
		"in capitals":                           {strings.ToUpper("b." + b.mint(token.Bounce, 0) + "@bounces.test"), "250"},
		"an unsubscribe address of long ago":    {"u." + b.mint(token.MailtoUnsubscribe, 2000*24*time.Hour) + "@bounces.test", "250"},
		"postmaster":                            {"postmaster@bounces.test", "250"},
		"abuse":                                 {"Abuse@Bounces.Test", "250"},
		"a return path of last year":            {"b." + b.mint(token.Bounce, 365*24*time.Hour) + "@bounces.test", "550 5.1.1"},
		"a forged one":                          {"b." + string(forged) + "@bounces.test", "550 5.1.1"},
		"a Message-ID used as a return path":    {"b." + b.mint(token.MessageID, 0) + "@bounces.test", "550 5.1.1"},
		"a return path used to leave":           {"u." + b.mint(token.Bounce, 0) + "@bounces.test", "550 5.1.1"},
		"somebody":                              {"ann@bounces.test", "550 5.1.1"},
		"another domain":                        {"ann@elsewhere.test", "550 5.7.1"},
		"a return path of ours elsewhere":       {"b." + b.mint(token.Bounce, 0) + "@elsewhere.test", "550 5.7.1"},
		"a route through us":                    {"ann%elsewhere.test@bounces.test", "550 5.1.1"},
		"a source route (RFC 5321, appendix C)": {"@bounces.test:ann@elsewhere.test", "550 5.7.1"},
		"an old-fashioned path":                 {"elsewhere.test!ann@bounces.test", "550 5.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.dial(t)
			c.say("")
			c.say("EHLO mx.test")
			if got := c.say("MAIL FROM:<>"); !strings.HasPrefix(got, "250") {
				t.Fatal(got)
			}
			if got := c.say("RCPT TO:<" + tt.to + ">"); !strings.HasPrefix(got, tt.want) && !strings.HasPrefix(got, "501") {
				t.Errorf("%s, want %s", got, tt.want)
			} else if tt.want != "250" && strings.HasPrefix(got, "250") {
				t.Errorf("taken: %s", got)
			}
		})
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.dial(t)
	c.say("")
	c.say("EHLO mx.test")
	c.say("MAIL FROM:<>")
	c.say("RCPT TO:<b." + b.mint(token.Bounce, 0) + "@bounces.test>")
	c.say("DATA")
	body := "Subject: failed\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 2000)
	if got := c.say(body + "."); !strings.HasPrefix(got, "250") {
		t.Fatal(got)
	}
	if len(b.mails) != 1 {
		t.Fatalf("%d mails", len(b.mails))
	}
	m := b.mails[0]
	if m.Claims.Campaign != 7 || m.Claims.Contact != 11 || m.Purpose != token.Bounce || m.HELO != "mx.test" || m.Remote != "127.0.0.1" ||
		len(m.Raw) != keep || m.Size != int64(len(body)) {
		t.Errorf("%+v with %d of %d bytes, sent %d", m.Claims, len(m.Raw), m.Size, len(body))
	}
}

// What could not be stored is not taken: the sender keeps it.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	for want, fail := range map[string]error{"451 4.3.0": errors.New("no database"), "452 4.3.1": fmt.Errorf("wait: %w", ErrBusy)} {
		b := setup(t, fail)
		c := b.dial(t)
		c.say("")
		c.say("HELO mx.test")
		c.say("MAIL FROM:<>")
		c.say("RCPT TO:<postmaster@bounces.test>")
		c.say("DATA")
		if got := c.say("Subject: x\r\n\r\n."); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.dial(t)
	c.say("")
	c.say("EHLO mx.test")
	if got := c.say(fmt.Sprintf("MAIL FROM:<> SIZE=%d", largestMail+1)); !strings.HasPrefix(got, "552") {
		t.Errorf("announced: %s", got)
	}
	c.say("MAIL FROM:<>")
	c.say("RCPT TO:<postmaster@bounces.test>")
	c.say("DATA")
	if got := c.say(strings.Repeat(strings.Repeat("x", 70)+"\r\n", largestMail/70) + "."); !strings.HasPrefix(got, "552") {
		t.Errorf("sent: %s", got)
	}
	if len(b.mails) != 0 {
		t.Error("it was stored")
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var open []*client
	for range mostConnectionsFrom {
		c := b.dial(t)
		if got := c.say(""); !strings.HasPrefix(got, "220") {
			t.Fatal(got)
		}
		open = append(open, c)
	}
	if got := b.dial(t).say(""); !strings.HasPrefix(got, "421") {
		t.Errorf("one too many: %s", got)
	}
	open[0].say("QUIT")
	for deadline := time.Now().Add(time.Minute); ; {
		if got := b.dial(t).say(""); strings.HasPrefix(got, "220") {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("after one left: %s", got)
		}
	}
}

func TestTooManyMails(t *testing.T) {
	t.Parallel()
	var s senders
	now := time.Now()
	for range mostMailsFrom {
		if !s.mayMail("192.0.2.1", now) {
			t.Fatal("refused too early")
		}
	}
	if s.mayMail("192.0.2.1", now) || !s.mayMail("192.0.2.2", now) || !s.mayMail("192.0.2.1", now.Add(time.Minute)) {
		t.Error("the bound does not hold for one address and one minute")
	}
}
