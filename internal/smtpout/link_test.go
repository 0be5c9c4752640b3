package smtpout

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A reply may be heard, and the pause before STARTTLS asked for, while the reader
// has not yet gone on from that reply: the pause is for the next one. Otherwise
// the reader ends too soon, and nobody hears the reply to STARTTLS.
func TestPauseIsForTheNextReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		l := newLink(ours)
		defer l.cut()
		for range cap(l.events) {
			l.events <- event{} // so that the reader is held up with a reply in its hand
		}
		io.WriteString(theirs, "250 go on\r\n")
		synctest.Wait()
		l.pause()
		for range cap(l.events) {
			<-l.events
		}
		for _, want := range []int{250, 220} {
			rep, err := l.hear(t.Context(), time.Minute)
			if err != nil || rep.Code != want {
				t.Fatalf("heard %v (%v), want %d", rep, err, want)
			}
			if want == 250 {
				l.expect(1)
				go io.WriteString(theirs, "220 encrypt\r\n")
			}
		}
		if _, err := l.encrypt(t.Context(), &tls.Config{InsecureSkipVerify: true}, time.Second); err == nil || l.reader.br.Buffered() > 0 {
			t.Errorf("a handshake with nobody: %v", err)
		}
	})
}

// A reply to STARTTLS that came before the question is none, whatever the
// server does then, and however the two meet.
func TestRepliesBeforeSTARTTLS(t *testing.T) {
	t.Parallel()
	for _, early := range []string{"220 go", "454 not now"} {
		for _, then := range []string{"hang", "close", "S: 220 go"} {
			t.Run(early+", then "+then, func(t *testing.T) {
				t.Parallel()
				for range 50 {
					synctest.Test(t, func(t *testing.T) { saysTooMuch(t, early, then) })
				}
			})
		}
	}
}

// saysTooMuch dials a server that says more than its reply to EHLO.
func saysTooMuch(t *testing.T, early, then string) {
	left, played := make(chan struct{}), make(chan error, 1)
	d := &Dialer{HELO: "out.test", LoopbackOnly: true, Resolver: oneHost{}, TLS: TLSPolicy{Mode: TLSRequired},
		Connect: func(context.Context, netip.AddrPort) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				played <- play(theirs, []string{"S: 220 mx.two.test ESMTP", "C: EHLO out.test",
					`raw "250-mx.two.test\r\n250 STARTTLS\r\n` + early + `\r\n"`, "C: STARTTLS", then}, left)
			}()
			return ours, nil
		}}
	began := time.Now()
	session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
	if err == nil {
		session.abandon()
	}
	close(left)
	<-played // it may have been left before it was through
	if f, ok := err.(*Failure); !ok || f.Stage != StageTLS || f.Permanent {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %s", took)
	}
}
