package sandbox

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// front stands between a socket and go-smtp and does what go-smtp has no words
// for: it edits the list of extensions, speaks STARTTLS itself so that it sees
// plain text on both sides, refuses DATA before the 354, hangs up after a
// reply, and falls silent.
//
// Except for gone and the socket's Close, which [Sandbox.Stop] uses, it belongs
// to the goroutine that serves the connection.
type front struct {
	net.Conn               // the socket, or TLS over it
	socket   net.Conn      // always the socket
	in       *bufio.Reader // plain text from the client
	host     *host
	id       receiver.ConnID
	session  *session // since EHLO

	early   bool     // neither TLS nor MAIL so far: lines are looked at
	pending []byte   // to be read before anything from the client
	ehlo    []string // reply to EHLO as far as go-smtp has written it
	asked   bool     // DATA was let pass, and go-smtp waits for the message
	swallow bool     // drop go-smtp's next reply
	closing bool     // hang up after the next reply
	over    bool     // hung up: nothing is read or written any more

	gone   atomic.Bool // the socket is closed
	closed sync.Once
}

func newFront(socket net.Conn, h *host) *front {
	return &front{Conn: socket, socket: socket, in: bufio.NewReader(socket), host: h, early: true}
}

// Read gives go-smtp what the client says.
func (f *front) Read(p []byte) (int, error) {
	if f.over {
		return 0, io.EOF
	}
	if len(f.pending) == 0 && f.early {
		if err := f.readLine(); err != nil {
			return 0, err
		}
	}
	if len(f.pending) > 0 {
		n := copy(p, f.pending)
		f.pending = f.pending[n:]
		return n, nil
	}
	return f.in.Read(p)
}

// readLine reads one line to pending, unless it is STARTTLS. That can only
// stand before MAIL, so no message text is ever taken for it.
func (f *front) readLine() error {
	for {
		line, err := f.in.ReadSlice('\n')
		if len(line) == 0 {
			return err
		}
		command := strings.ToUpper(strings.TrimSpace(string(line)))
		if command == "STARTTLS" && f.host.tls != nil {
			if err := f.startTLS(); err != nil {
				return err
			}
			continue
		}
		if strings.HasPrefix(command, "MAIL") || f.secure() {
			f.early = false
		}
		f.pending = append(f.pending[:0], line...)
		return nil
	}
}

// handshakeTime is how long a client may take for TLS.
const handshakeTime = 10 * time.Second

// startTLS turns the connection to TLS. What the client sent ahead in plain
// text is thrown away (RFC 3207 §4).
func (f *front) startTLS() error {
	if _, err := io.WriteString(f.socket, "220 2.0.0 Ready to start TLS\r\n"); err != nil {
		return err
	}
	secure := tls.Server(f.socket, f.host.tls)
	_ = f.socket.SetDeadline(time.Now().Add(handshakeTime))
	if err := secure.Handshake(); err != nil {
		f.over = true
		return fmt.Errorf("TLS handshake: %w", err)
	}
	_ = f.socket.SetDeadline(time.Time{})
	f.Conn, f.in = secure, bufio.NewReader(secure)
	return nil
}

func (f *front) secure() bool { _, is := f.Conn.(*tls.Conn); return is }

// Write takes what go-smtp says: one line each time.
func (f *front) Write(line []byte) (int, error) {
	last := len(line) < 4 || line[3] == ' '
	switch {
	case f.over:
		return len(line), nil
	case f.swallow:
		f.swallow = !last
		return len(line), nil
	case len(f.ehlo) > 0 || bytes.HasPrefix(line, []byte("250-Hello ")):
		return len(line), f.extensions(string(line), last)
	case bytes.HasPrefix(line, []byte("354 ")):
		if !f.session.mayBegin() {
			return len(line), nil
		}
	}
	if _, err := f.Conn.Write(line); err != nil {
		return 0, err
	}
	if last && f.closing {
		f.over = true
	}
	return len(line), nil
}

// extensions collects the reply to EHLO and, when it is whole, says it without
// the extensions that the host does not offer.
func (f *front) extensions(line string, last bool) error {
	f.ehlo = append(f.ehlo, strings.TrimRight(line[4:], "\r\n"))
	if !last {
		return nil
	}
	lines := slices.DeleteFunc(f.ehlo, func(l string) bool {
		keyword, _, _ := strings.Cut(l, " ")
		return slices.Contains(f.host.site.provider.Without, Extension(keyword))
	})
	if f.host.tls != nil && !f.secure() {
		lines = append(lines, string(StartTLS))
	}
	f.ehlo = nil
	return f.say(reply.Reply{Code: 250, Lines: lines})
}

// say writes a reply that go-smtp knows nothing of.
func (f *front) say(r reply.Reply) error {
	var b strings.Builder
	for i, line := range r.Lines {
		separator := "-"
		if i == len(r.Lines)-1 {
			separator = " "
		}
		fmt.Fprintf(&b, "%d%s%s\r\n", r.Code, separator, line)
	}
	_, err := io.WriteString(f.Conn, b.String())
	return err
}

// refuseData says no to DATA in place of the 354 that go-smtp has just written,
// and gives go-smtp an empty message to read, whose reply is dropped.
func (f *front) refuseData(a receiver.Answer) {
	_ = f.say(a.Reply) // if the client has gone, the next read tells
	f.swallow = true
	f.pending = append(f.pending, ".\r\n"...)
	f.over = f.over || a.Close
}

// hang waits until the client gives up or the sandbox stops.
func (f *front) hang() {
	_ = f.Conn.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, f.in)
	f.over = true
}

// lingerTime is how long what the client still sends is read after the host
// hung up. Closing at once would reset the connection, and the client might
// never see the last reply.
const lingerTime = 500 * time.Millisecond

// Close ends the connection; go-smtp calls it, perhaps twice.
func (f *front) Close() error {
	f.closed.Do(func() {
		f.host.site.close(f.id)
		if f.over && !f.gone.Load() {
			if secure, is := f.Conn.(*tls.Conn); is {
				_ = secure.CloseWrite()
			}
			if tcp, is := f.socket.(*net.TCPConn); is {
				_ = tcp.CloseWrite()
			}
			_ = f.socket.SetReadDeadline(time.Now().Add(lingerTime))
			_, _ = io.Copy(io.Discard, f.socket)
		}
		f.cut()
		f.host.sandbox.forget(f)
	})
	return nil
}

// cut closes the socket at once. Whoever reads or writes notices.
func (f *front) cut() {
	f.gone.Store(true)
	_ = f.socket.Close()
}
