package smtpout

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
)

// TestCutAnywhere closes the connection after every single byte that the client
// sends, and after every single byte that the server says, and compares what
// the outcome claims with what the server knows. In-memory pipes make this
// exact: a byte that was written was read.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, offers := range []string{"", "PIPELINING", "CHUNKING", "PIPELINING CHUNKING"} {
		for _, refused := range []string{"", "MAIL", "RCPT", "DATA", "message"} {
			t.Run(fmt.Sprintf("offers %s refuses %s", offers, refused), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					uncut := sendTo(t, &sink{offers: offers, refuses: refused, in: -1, out: -1})
					for in := range uncut.heard {
						sendTo(t, &sink{offers: offers, refuses: refused, in: in, out: -1})
					}
					for out := range uncut.said {
						sendTo(t, &sink{offers: offers, refuses: refused, in: -1, out: out})
					}
				})
			})
		}
	}
}

// sendTo sends one message to s and checks the outcome against what s saw.
func sendTo(t *testing.T, s *sink) *sink {
	t.Helper()
	ours, theirs := net.Pipe()
	s.conn = theirs
	served := make(chan struct{})
	go func() { defer close(served); s.serve() }()
	d := &Dialer{HELO: "out.test", LoopbackOnly: true, Resolver: oneHost{},
		Connect: func(context.Context, netip.AddrPort) (net.Conn, error) { return ours, nil }}
	session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
	if err != nil {
		t.Fatal(err)
	}
	o := session.Send(t.Context(), Envelope{From: "news@out.test", To: "ana@two.test"}, []byte(sinkBody))
	session.abandon()
	<-served

	cut := s.in == 0 || s.out == 0
	where := fmt.Sprintf("heard %d bytes, said %d (cut %v): %+v", s.heard, s.said, cut, o)
	if want := s.accepted; o.Accepted != want {
		t.Errorf("accepted is %v, want %v: %s", o.Accepted, want, where)
	}
	if want := s.whole && !s.accepted && !s.refused; o.InDoubt != want {
		t.Errorf("in doubt is %v, want %v: %s", o.InDoubt, want, where)
	}
	if want := s.heard == 0; o.Unsent != want {
		t.Errorf("unsent is %v, want %v: %s", o.Unsent, want, where)
	}
	if s.refused != (o.Reply.Code >= 400) {
		t.Errorf("code is %d, refused %v: %s", o.Reply.Code, s.refused, where)
	}
	if o.Closed && !cut {
		t.Errorf("closed without a reason: %s", where)
	}
	return s
}

const sinkBody = "Subject: hello\r\n\r\n.dotted\r\nhello\r\n"

// sink is a mail server that knows exactly what it heard and said since EHLO,
// and that vanishes when it has heard in bytes or said out bytes (-1: never).
type sink struct {
	conn            net.Conn
	offers, refuses string
	in, out         int

	heard, said int
	whole       bool // the last byte of the message was heard
	refused     bool // the code of a refusal was said
	accepted    bool // the code of the final acceptance was said
}

func (s *sink) serve() {
	defer s.conn.Close()
	in, out := s.in, s.out
	s.in, s.out = -1, -1 // the opening is not cut
	s.say("220 mx.two.test", nil)
	s.line()
	s.say("250-mx.two.test", nil)
	for offer := range strings.FieldsSeq(s.offers) {
		s.say("250-"+offer, nil)
	}
	s.say("250 HELP", nil)
	s.in, s.out, s.heard, s.said = in, out, 0, 0

	envelope := true // MAIL and RCPT were taken
	for {
		line := s.line()
		verb, arg, _ := strings.Cut(line, " ")
		switch verb {
		case "MAIL", "RCPT":
			envelope = s.answer(verb, envelope)
		case "DATA":
			if s.refuses == "DATA" || !envelope {
				s.answer("DATA", envelope)
				continue
			}
			s.say("354 go on", nil)
			s.hearDotted()
			s.final(envelope)
		case "BDAT":
			size, _, _ := strings.Cut(arg, " ")
			s.hearExactly(size)
			s.final(envelope)
		case "RSET":
			s.say("250 2.0.0 ok", nil)
		default:
			return
		}
	}
}

// answer replies to a command and says whether the transaction may go on.
func (s *sink) answer(verb string, ok bool) bool {
	switch {
	case !ok:
		s.say("503 5.5.1 out of order", nil)
	case s.refuses == verb:
		s.say("550 5.7.1 no", &s.refused)
		return false
	default:
		s.say("250 2.0.0 ok", nil)
	}
	return ok
}

func (s *sink) final(envelope bool) {
	switch {
	case !envelope:
		s.say("503 5.5.1 out of order", nil)
	case s.refuses == "message" || s.refuses == "DATA":
		s.say("550 5.7.1 no", &s.refused)
	default:
		s.say("250 2.0.0 queued", &s.accepted)
	}
}

func (s *sink) hearDotted() {
	for {
		switch s.line() {
		case ".":
			s.whole = true
			return
		case over:
			return
		}
	}
}

func (s *sink) hearExactly(size string) {
	var n int
	fmt.Sscan(size, &n)
	b := make([]byte, n)
	for i := range b {
		if !s.hear(b[i : i+1]) {
			return
		}
	}
	s.whole = bytes.Equal(b, []byte(sinkBody))
}

// over is the line after the last.
const over = "(over)"

// line hears a line.
func (s *sink) line() string {
	var line []byte
	for b := make([]byte, 1); s.hear(b); {
		if line = append(line, b[0]); b[0] == '\n' {
			return strings.TrimRight(string(line), "\r\n")
		}
	}
	return over
}

func (s *sink) hear(b []byte) bool {
	if s.in == 0 {
		s.conn.Close()
	}
	if _, err := io.ReadFull(s.conn, b); err != nil {
		return false
	}
	s.heard++
	s.in--
	return true
}

// say says a line; known is set once its code is out.
func (s *sink) say(line string, known *bool) {
	for i, b := range []byte(line + "\r\n") {
		if s.out == 0 {
			s.conn.Close()
		}
		if _, err := s.conn.Write([]byte{b}); err != nil {
			return
		}
		s.said++
		s.out--
		if i == 2 && known != nil {
			*known = true
		}
	}
}
