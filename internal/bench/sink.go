package bench

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// offersAll is what a modern server offers of what saves round trips.
const offersAll = "PIPELINING CHUNKING 8BITMIME SIZE"

// sink is the fastest receiver that we can make: it takes mail, counts it by
// recipient and throws it away. It can be told to refuse, to wait, and to vanish.
type sink struct {
	offers    string                        // extensions, by blanks
	pause     time.Duration                 // before it answers a whole message
	answer    func(recipient string) string // refusal of a recipient, "" takes it; a 421 closes the connection
	addresses []string                      // where it listens

	mu        sync.Mutex
	listeners []net.Listener    // guarded by mu
	conns     map[net.Conn]bool // guarded by mu
	took      map[string]int    // messages by recipient; guarded by mu
	arrived   int               // messages; guarded by mu
	octets    int64             // of their bodies; guarded by mu
	first     time.Time         // when the first arrived; guarded by mu
	last      time.Time         // when the last arrived; guarded by mu
	silent    time.Duration     // the longest time between two, since somebody listens; guarded by mu
	talks     []*sinkSpan       // connections that brought mail; guarded by mu
}

// sinkSpan is what one connection brought.
type sinkSpan struct {
	messages    int
	first, last time.Time
}

// openSink makes a sink that listens.
func openSink(s *sink) (*sink, error) {
	s.conns = make(map[net.Conn]bool)
	s.forget()
	return s, s.appear()
}

// appear has the sink listen.
func (s *sink) appear() error {
	for _, address := range s.addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			s.vanish()
			return err
		}
		s.mu.Lock()
		s.listeners = append(s.listeners, l)
		s.mu.Unlock()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				s.mu.Lock()
				s.conns[conn] = true
				s.mu.Unlock()
				go s.serve(conn)
			}
		}()
	}
	return nil
}

// vanish cuts every connection and lets no more in. It returns how many there
// were.
func (s *sink) vanish() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		_ = l.Close() // nothing is lost with it
	}
	s.listeners = nil
	open := len(s.conns)
	for c := range s.conns {
		_ = c.Close() // as a machine does that dies
	}
	return open
}

// forget begins to count anew.
func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.arrived, s.octets, s.first, s.last = make(map[string]int), 0, 0, time.Time{}, time.Time{}
	s.talks = nil
}

// perConnection returns how many messages a second one connection carried, from
// its first message to its last: what opening it takes is left out.
func (s *sink) perConnection() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages, took := 0, time.Duration(0)
	for _, t := range s.talks {
		messages += t.messages - 1
		took += t.last.Sub(t.first)
	}
	if took <= 0 {
		return 0
	}
	return float64(messages) / took.Seconds()
}

// count returns how many messages arrived and for how many recipients.
func (s *sink) count() (messages, recipients int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived, len(s.took)
}

// open returns how many connections there are.
func (s *sink) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// listen begins to look for silence.
func (s *sink) listen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = 0
}

// silence returns the longest time between two messages.
func (s *sink) silence() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silent
}

// span returns the rate in messages per second from the first to the last, and
// their mean size in octets.
func (s *sink) span() (perSecond, size float64, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took = s.last.Sub(s.first)
	if s.arrived < 2 || took <= 0 {
		return 0, 0, took
	}
	return float64(s.arrived-1) / took.Seconds(), float64(s.octets) / float64(s.arrived), took
}

// take counts a message. The 250 follows.
func (s *sink) take(recipient string, size int64, over *sinkSpan) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[recipient]++
	s.arrived++
	s.octets += size
	if s.first.IsZero() {
		s.first = now
	}
	if !s.last.IsZero() {
		s.silent = max(s.silent, now.Sub(s.last))
	}
	s.last = now
	if over.messages++; over.messages == 1 {
		over.first = now
		s.talks = append(s.talks, over)
	}
	over.last = now
}

func (s *sink) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close() // it may be closed already
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	}()
	t := &sinkTalk{sink: s, in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriter(conn), span: &sinkSpan{}}
	t.say("220 mx ESMTP")
	for t.turn() {
	}
	_ = t.out.Flush() // the last word; nobody may be there to hear it
}

// sinkTalk is one connection to a sink.
type sinkTalk struct {
	sink      *sink
	in        *bufio.Reader
	out       *bufio.Writer
	recipient string // "" before one was taken
	span      *sinkSpan
}

func (t *sinkTalk) say(line string) { _, _ = t.out.WriteString(line + "\r\n") } // told by Flush

// turn answers one command and reports whether the conversation goes on.
func (t *sinkTalk) turn() bool {
	if t.in.Buffered() == 0 && t.out.Flush() != nil {
		return false
	}
	line, err := t.in.ReadSlice('\n')
	if err != nil || len(line) < 4 {
		return false
	}
	switch string(line[:4]) {
	case "EHLO":
		t.say("250-mx") // the first line names the server, whatever follows
		for offer := range strings.FieldsSeq(t.sink.offers) {
			t.say("250-" + offer)
		}
		t.say("250 HELP")
	case "MAIL":
		t.recipient = ""
		t.say("250 ok")
	case "RCPT":
		return t.rcpt(string(line))
	case "DATA":
		return t.data()
	case "BDAT":
		return t.chunk(string(line))
	case "QUIT":
		t.say("221 bye")
		return false
	default:
		t.say("250 ok")
	}
	return true
}

func (t *sinkTalk) rcpt(line string) bool {
	_, rest, _ := strings.Cut(line, "<")
	recipient, _, _ := strings.Cut(rest, ">")
	if t.sink.answer != nil {
		if no := t.sink.answer(recipient); no != "" {
			t.say(no)
			return !strings.HasPrefix(no, "421")
		}
	}
	t.recipient = recipient
	t.say("250 ok")
	return true
}

// data reads a message up to the dot.
func (t *sinkTalk) data() bool {
	if t.recipient == "" {
		t.say("554 no recipients")
		return true
	}
	t.say("354 go on")
	if t.out.Flush() != nil {
		return false
	}
	var size int64
	for {
		line, err := t.in.ReadSlice('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			return t.taken(size)
		}
		size += int64(len(line))
	}
}

// chunk reads a message of one chunk, which is how Headway and Postfix send it.
func (t *sinkTalk) chunk(line string) bool {
	words := strings.Fields(line)
	if len(words) < 2 {
		return false
	}
	n, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return false
	}
	if _, err := io.CopyN(io.Discard, t.in, n); err != nil {
		return false
	}
	if t.recipient == "" {
		t.say("503 no recipients")
		return true
	}
	return t.taken(n)
}

func (t *sinkTalk) taken(size int64) bool {
	if t.sink.pause > 0 {
		time.Sleep(t.sink.pause)
	}
	t.sink.take(t.recipient, size, t.span)
	t.recipient = ""
	t.say("250 2.0.0 queued")
	return true
}
