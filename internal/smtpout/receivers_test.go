package smtpout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReceivers sends to other people's mail servers as Debian packages them,
// each on loopback with TLS, a limit of size and a limit of rate, in every way
// that our sessions know, and reads the mailbox back: what was accepted arrived
// as it was sent, and nothing else did.
//
// Their packages exclude each other: see [mailservertest] for the variables that
// name those that were only unpacked.
func TestReceivers(t *testing.T) {
	t.Parallel()
	certificate()
	for _, kind := range receiverKinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			r := startReceiver(t, kind)
			modes := []TLSMode{TLSOff, TLSVerified}
			if r.breaksTLS {
				r.strictRefuses(t)
				modes[1] = TLSOpportunistic
			}
			for _, tls := range modes {
				for _, way := range ways {
					r.converse(t, tls, way)
				}
			}
			r.refusesSize(t)
			r.arrived(t)
			r.limitsRate(t)
		})
	}
}

// receiverPatience is how long a mail server may take to deliver, on a machine
// with other work.
const receiverPatience = 60 * time.Second

// ways are how a message may travel: what is not ignored of what is offered.
var ways = []struct {
	name   string
	needs  string
	ignore []string
}{
	{"plain", "", []string{"PIPELINING", "CHUNKING"}},
	{"pipelined", "PIPELINING", []string{"CHUNKING"}},
	{"chunked", "CHUNKING", nil},
}

// receiverSize is the largest message that the receivers take, in bytes.
const receiverSize = 40_000

// receiver is a mail server of somebody else's that takes mail for
// reader…@two.test.
type receiver struct {
	receiverKind
	folder string // what it accepted lies in files below mail
	port   uint16
	sent   map[string]string // message by its token, as it was accepted
}

func (r *receiver) dialer(tls TLSMode, ignore []string) *Dialer {
	return &Dialer{Resolver: oneHost{}, Port: r.port, HELO: "out.test", LoopbackOnly: true, Ignore: ignore,
		TLS: TLSPolicy{Mode: tls, Roots: roots()}, Timeouts: Timeouts{Dot: time.Minute}}
}

// converse sends messages of all kinds over one session.
func (r *receiver) converse(t *testing.T, tls TLSMode, way struct {
	name   string
	needs  string
	ignore []string
}) {
	session, err := r.dialer(tls, way.ignore).Dial(t.Context(), "two.test", TLSOpportunistic)
	if err != nil {
		t.Errorf("%s, TLS %d: %v", way.name, tls, err)
		return
	}
	defer session.Close(t.Context())
	info := session.Info()
	if info.TLS.Verified != (tls == TLSVerified) || info.TLS.Verified && !strings.Contains(info.TLS.Subject, "mx.two.test") {
		t.Errorf("TLS facts are %+v", info.TLS)
	}
	if offers := info.Extensions.String(); !strings.Contains(offers, way.needs) {
		if !r.lacks(way.needs) {
			t.Errorf("offers %s", offers)
		}
		return
	}
	send := func(to, content string, utf8 bool, want int) {
		t.Helper()
		token := fmt.Sprintf("token-%d-%s-%d-%d", tls, way.name, len(r.sent), want)
		message := r.message(token, to, content, utf8)
		o := session.Send(t.Context(), Envelope{From: "news@out.test", To: to, UTF8: utf8}, []byte(message))
		if o.Reply.Code/100 != want/100 || o.Accepted != (want == 250) || o.InDoubt || o.Closed || o.Local {
			t.Errorf("%s, TLS %d, to %s: %+v", way.name, tls, to, o)
		}
		if o.Accepted {
			r.sent[token] = message
		}
	}
	send("reader1@two.test", "hello\r\n", false, 250)
	send("nobody@two.test", "hello\r\n", false, 550)
	send("reader2@two.test", nasty, false, 250)
	if info.Extensions.EightBitMIME {
		send("reader3@two.test", "Zażółć gęślą jaźń\r\n", false, 250)
	}
	if info.Extensions.SMTPUTF8 {
		send("reader4@two.test", "Zażółć gęślą jaźń\r\n", true, 250)
	}
}

// strictRefuses sees that nothing goes in the clear because encryption broke,
// where the policy wants it.
func (r *receiver) strictRefuses(t *testing.T) {
	_, err := r.dialer(TLSRequired, nil).Dial(t.Context(), "two.test", TLSOpportunistic)
	if f, ok := errors.AsType[*Failure](err); !ok || f.Stage != StageTLS || f.Permanent {
		t.Errorf("a handshake that fails, and encryption required: %v", err)
	}
}

// nasty is a body of what mail servers have been known to change: dots at the
// beginning of lines, the words of mailboxes, space at line ends, long lines,
// and more than fits in one segment.
var nasty = ".\r\n..\r\n.two\r\n\r\nFrom here on\r\n>From there\r\nspace at the end \r\n\t\r\n" +
	strings.Repeat("x", 990) + "\r\n" + strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 400) + "\r\n\r\n.\r\n"

func (r *receiver) message(token, to, content string, utf8 bool) string {
	subject := "Receivers"
	if utf8 {
		subject = "Zażółć"
	}
	return "From: News <news@out.test>\r\nTo: <" + to + ">\r\nSubject: " + subject + "\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
		"Message-ID: <" + token + "@out.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: 8bit\r\nX-Folded: one\r\n two\r\n\r\n" + content
}

// refusesSize sends more than the server takes: where it says so, we refuse
// ourselves, and where we do not listen, it does.
func (r *receiver) refusesSize(t *testing.T) {
	message := []byte(r.message("token-size", "reader1@two.test", strings.Repeat("0123456789\r\n", receiverSize/8), false))
	for _, tc := range []struct {
		ignore []string
		local  bool
	}{{nil, true}, {[]string{"SIZE"}, false}, {[]string{"SIZE", "CHUNKING"}, false}, {[]string{"SIZE", "CHUNKING", "PIPELINING"}, false}} {
		session, err := r.dialer(TLSOff, tc.ignore).Dial(t.Context(), "two.test", TLSOpportunistic)
		if err != nil {
			t.Errorf("ignoring %v: %v", tc.ignore, err)
			return
		}
		o := session.Send(t.Context(), Envelope{From: "news@out.test", To: "reader1@two.test"}, message)
		if o.Accepted || o.InDoubt || o.Local != tc.local || o.Reply.Code/100 != 5 {
			t.Errorf("too large, ignoring %v: %+v", tc.ignore, o)
		}
		session.Close(t.Context())
	}
}

// arrived reads the mailbox back. Servers store line ends as line feeds and put
// header fields of their own in front.
func (r *receiver) arrived(t *testing.T) {
	t.Helper()
	var stored map[string]string
	for deadline := time.Now().Add(receiverPatience); ; time.Sleep(50 * time.Millisecond) {
		if stored = r.stored(t); len(stored) >= len(r.sent) || time.Now().After(deadline) {
			break
		}
	}
	for token, message := range r.sent {
		got, ok := stored[token]
		if want := strings.ReplaceAll(message, "\r\n", "\n"); !ok || !strings.HasSuffix(got, want) {
			t.Errorf("%s arrived (%v) as\n%.1500s", token, ok, got)
		}
	}
	if len(stored) != len(r.sent) {
		t.Errorf("%d messages arrived, %d were accepted", len(stored), len(r.sent))
	}
}

// stored returns the messages in the mailbox by their tokens.
func (r *receiver) stored(t *testing.T) map[string]string {
	found := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(r.folder, "mail"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil // moved on from tmp to new
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		_, after, _ := strings.Cut(string(text), "<token-")
		token, _, whole := strings.Cut(after, "@out.test>")
		if whole && !strings.Contains(path, "/tmp/new.") {
			if _, twice := found["token-"+token]; twice {
				t.Errorf("token-%s arrived twice", token)
			}
			found["token-"+token] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// limitsRate sends until the server has had enough: it says so in words, for a
// while, and nothing is in doubt.
func (r *receiver) limitsRate(t *testing.T) {
	d := r.dialer(TLSOff, nil)
	for range 80 {
		session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
		if err != nil {
			f := err.(*Failure)
			if f.Permanent || f.Reply.Code/100 != 4 {
				t.Errorf("connections are limited by %v (permanent %v)", f, f.Permanent)
			}
			return
		}
		for range r.atATime {
			message := r.message("token-rate", "reader1@two.test", "hello\r\n", false)
			o := session.Send(t.Context(), Envelope{From: "news@out.test", To: "reader1@two.test"}, []byte(message))
			if !o.Accepted {
				if o.InDoubt || o.Reply.Code/100 != 4 || len(o.Reply.Lines) == 0 {
					t.Errorf("messages are limited by %+v", o)
				}
				session.Close(t.Context())
				return
			}
		}
		session.Close(t.Context())
	}
	t.Error("the rate was not limited")
}
