package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// tick is how often a live part is drawn anew.
	tick = 700 * time.Millisecond
	// restPerWork spaces ticks so that drawing takes at most a fifth of the
	// time, however slow the database is.
	restPerWork = 4
	// writeWithin is how long a browser may take for one event.
	writeWithin = 10 * time.Second
	// quietFor is when a comment is sent to find out whether the browser is
	// still there.
	quietFor = 15 * time.Second
	// streamLimit bounds the open streams of this process.
	streamLimit = 1000
)

// drawing makes the live part of a page. It is settled when it will not change
// any more.
type drawing func(ctx context.Context) (fragment []byte, settled bool, err error)

// broadcasts draw live parts for all who look at them.
type broadcasts struct {
	closing context.Context
	log     *slog.Logger
	running sync.WaitGroup

	mu      sync.Mutex
	parts   map[string]*broadcast // guarded by mu
	viewers int                   // guarded by mu
}

// broadcast is one live part. It is drawn as long as somebody looks.
type broadcast struct {
	stop    context.CancelFunc
	viewers int // guarded by broadcasts.mu

	mu       sync.Mutex
	fragment []byte        // guarded by mu; nil before the first drawing
	settled  bool          // guarded by mu
	news     chan struct{} // guarded by mu; closed when the fragment changes
}

func newBroadcasts(closing context.Context, log *slog.Logger) *broadcasts {
	return &broadcasts{closing: closing, log: log, parts: make(map[string]*broadcast)}
}

var errTooManyStreams = &refusal{Status: http.StatusServiceUnavailable, Title: "Too many people look at live pages",
	Words: "Reload the page for newer figures, or try again in a moment."}

// join begins to look at a live part, which is drawn by draw.
func (b *broadcasts) join(name string, draw drawing) (*broadcast, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.viewers >= streamLimit || b.closing.Err() != nil {
		return nil, errTooManyStreams
	}
	b.viewers++
	part := b.parts[name]
	if part == nil {
		ctx, stop := context.WithCancel(b.closing)
		part = &broadcast{stop: stop, news: make(chan struct{})}
		b.parts[name] = part
		b.running.Go(func() { part.run(ctx, draw, b.log.With("part", name)) })
	}
	part.viewers++
	return part, nil
}

// leave ends what join began. The last one out stops the drawing.
func (b *broadcasts) leave(name string, part *broadcast) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.viewers--
	part.viewers--
	if part.viewers == 0 {
		part.stop()
		delete(b.parts, name)
	}
}

// wait returns when nothing is drawn any more.
func (b *broadcasts) wait() { b.running.Wait() }

// run draws again and again, until it is stopped or the part has settled.
func (p *broadcast) run(ctx context.Context, draw drawing, log *slog.Logger) {
	failing := false
	for {
		began := time.Now()
		fragment, settled, err := draw(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			log.Warn("a live part could not be drawn; its viewers see when it was last", "error", err)
		}
		failing = err != nil
		if err == nil {
			p.publish(fragment, settled)
			if settled {
				return
			}
		}
		select {
		case <-time.After(max(tick, restPerWork*time.Since(began))):
		case <-ctx.Done():
			return
		}
	}
}

func (p *broadcast) publish(fragment []byte, settled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Equal(fragment, p.fragment) && settled == p.settled {
		return
	}
	p.fragment, p.settled = fragment, settled
	close(p.news)
	p.news = make(chan struct{})
}

func (p *broadcast) now() (fragment []byte, settled bool, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fragment, p.settled, p.news
}

// live answers with the live part of a page: once for who polls, and again and
// again, as server-sent events, for who asks for text/event-stream.
func (s *Server) live(w http.ResponseWriter, r *http.Request, name string, draw drawing) error {
	w.Header().Add("Vary", "Accept")
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return s.stream(w, r, name, draw)
	}
	fragment, _, err := draw(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(fragment) // a visitor who hung up misses nothing
	return nil
}

// stream sends the events "live", each with the whole live part, and at the end
// "done", after which the browser does not come back. When the server closes it
// just ends: the browser then looks for the next one.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, name string, draw drawing) error {
	part, err := s.broadcasts.join(name, draw)
	if err != nil {
		return err
	}
	defer s.broadcasts.leave(name, part)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies must pass events on at once
	control := http.NewResponseController(w)
	// The deadline of requests would end the stream as well.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if !send(w, control, stillHere) {
		return nil
	}
	var sent []byte
	for {
		fragment, settled, news := part.now()
		if !bytes.Equal(fragment, sent) {
			if !send(w, control, eventOf("live", fragment)) {
				return nil
			}
			sent = fragment
		}
		if settled {
			send(w, control, eventOf("done", nil))
			return nil
		}
		select {
		case <-news:
		case <-time.After(quietFor):
			if !send(w, control, stillHere) {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-s.closing.Done():
			return nil
		}
	}
}

// stillHere is a comment: browsers drop it, and a broken connection shows.
var stillHere = []byte(": still here\n\n")

// send writes one event at once. It reports whether the browser took it.
func send(w io.Writer, control *http.ResponseController, event []byte) bool {
	if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	if _, err := w.Write(event); err != nil {
		return false
	}
	return control.Flush() == nil
}

// eventOf writes an event; every line of its data stands on a line of its own.
func eventOf(name string, data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("event: " + name + "\n")
	for line := range bytes.Lines(data) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	if len(data) == 0 {
		b.WriteString("data:\n") // an event without data is not delivered
	}
	b.WriteByte('\n')
	return b.Bytes()
}
