package smtpout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

var (
	errInterrupted = errors.New("the session is over")
	errPause       = errors.New("the server spoke before it was asked to")
)

// link is one connection: it writes with deadlines, and a goroutine of its own
// hears replies as they come. Its methods are for one goroutine, except
// interrupt.
type link struct {
	raw     net.Conn      // the socket
	conn    net.Conn      // raw, or TLS over it
	events  chan event    // from the reader, in the order of the wire
	done    chan struct{} // closed by cut
	gone    chan struct{} // closed when the reader has ended
	reader  *replyReader
	timer   *time.Timer
	err     error        // what ended the reader, once it was heard
	due     atomic.Int32 // replies to come for what was sent
	pausing atomic.Bool  // the reader ends after the next reply

	mu     sync.Mutex
	broken bool // guarded by mu; nothing more may be written
}

// event is what the reader heard: a reply, an error, or a reply that an error
// cut short.
type event struct {
	reply reply.Reply
	err   error
}

// enoughEvents holds the replies to a whole flight, so that the reader is never
// held up by a writer at work.
const enoughEvents = 8

func newLink(conn net.Conn) *link {
	l := &link{
		raw:    conn,
		conn:   conn,
		events: make(chan event, enoughEvents),
		done:   make(chan struct{}),
		timer:  time.NewTimer(time.Hour),
	}
	l.due.Store(1) // the greeting
	l.reader = newReplyReader(conn)
	l.listen()
	return l
}

// listen starts the reader; also again, after a pause.
func (l *link) listen() {
	l.pausing.Store(false)
	l.gone = make(chan struct{})
	go func(r *replyReader, gone chan struct{}) {
		defer close(gone)
		for l.hearOne(r) {
		}
	}(l.reader, l.gone)
}

// hearOne passes on one reply and says whether to go on. Whatever ends the
// session (an error, a 421, a word that nobody asked for) also interrupts a
// writer that may be blocked at that moment.
//
// What the reply means to the reader is settled before anybody hears of it:
// whoever does may say the next command, and announce it here, at once.
func (l *link) hearOne(r *replyReader) bool {
	rep, err := r.next()
	unasked, last := l.due.Add(-1) < 0, l.pausing.Load()
	select {
	case l.events <- event{rep, err}:
	case <-l.done:
		return false
	}
	if err != nil || unasked || rep.Code == 421 {
		l.interrupt()
	}
	return err == nil && !last
}

// interrupt ends all writing, at once and for good. It may be called from any
// goroutine.
func (l *link) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	l.raw.SetWriteDeadline(time.Unix(1, 0))
}

// expect announces so many replies, before what asks for them is written.
func (l *link) expect(replies int) { l.due.Add(int32(replies)) }

// say writes b and returns how many bytes were handed to the network; it fails
// unless all were.
func (l *link) say(b []byte, timeout time.Duration) (int, error) {
	l.mu.Lock()
	if l.broken {
		l.mu.Unlock()
		return 0, errInterrupted
	}
	l.raw.SetWriteDeadline(time.Now().Add(timeout))
	l.mu.Unlock()
	return l.conn.Write(b)
}

// hear waits for the next reply. A reply with a code may come together with an
// error, which then is what the session ended with.
func (l *link) hear(ctx context.Context, timeout time.Duration) (reply.Reply, error) {
	if e, ok := l.poll(); ok {
		return e.reply, e.err
	}
	if l.err != nil {
		return reply.Reply{}, l.err
	}
	l.timer.Reset(max(timeout, 0))
	var silence error
	select {
	case e := <-l.events:
		l.err = e.err
		return e.reply, e.err
	case <-ctx.Done():
		silence = context.Cause(ctx)
	case <-l.timer.C:
		silence = waited(timeout)
	}
	if e, ok := l.poll(); ok { // both came at once: what was said counts
		return e.reply, e.err
	}
	return reply.Reply{}, silence
}

// poll returns what has been heard already.
func (l *link) poll() (event, bool) {
	select {
	case e := <-l.events:
		l.err = e.err
		return e, true
	default:
		return event{}, false
	}
}

// pause makes the reader end with the next reply, so that the bytes after it
// belong to somebody else. To be called before the command is announced.
func (l *link) pause() { l.pausing.Store(true) }

// paused waits until the reader has ended. One that took a reply which came too
// early for the awaited one goes on: it may hear nothing more.
func (l *link) paused(ctx context.Context, timeout time.Duration) error {
	l.timer.Reset(timeout)
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.timer.C:
		return waited(timeout)
	}
}

// encrypt makes a TLS client connection of a paused link. Bytes that came
// together with the reply to STARTTLS were not protected and must not be taken
// for replies (RFC 3207 §6, CVE-2011-0411).
func (l *link) encrypt(ctx context.Context, config *tls.Config, timeout time.Duration) (tls.ConnectionState, error) {
	if err := l.paused(ctx, timeout); err != nil {
		return tls.ConnectionState{}, err
	}
	if l.reader.br.Buffered() > 0 {
		return tls.ConnectionState{}, errPause
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, waited(timeout))
	defer cancel()
	l.raw.SetWriteDeadline(time.Time{})
	conn := tls.Client(l.raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return tls.ConnectionState{}, err
	}
	l.conn, l.reader = conn, newReplyReader(conn)
	l.listen()
	return conn.ConnectionState(), nil
}

// cut closes the connection without a word and waits for the reader to end.
// It may be called again.
func (l *link) cut() {
	select {
	case <-l.done:
		return
	default:
	}
	close(l.done)
	l.raw.Close()
	l.timer.Stop()
	<-l.gone
}
