package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Message is one message that got a 250, for one recipient.
type Message struct {
	At        time.Time `json:"at"`        // just before the 250 was written
	MailAt    time.Time `json:"mail_at"`   // when its MAIL command came
	Provider  string    `json:"provider"`  // name in the file
	Host      string    `json:"host"`      // MX host
	Source    string    `json:"source"`    // address that it came from
	Recipient string    `json:"recipient"` // as in RCPT TO
	Sender    string    `json:"sender"`    // as in MAIL FROM
	Size      int       `json:"size"`      // octets, header included
	TLS       bool      `json:"tls"`
	Letter
}

// journal remembers what was received and who unsubscribed, in memory and, if
// it has a file, there as JSON lines. A line is written whole or, when the
// process is killed, torn at the very end of the file.
type journal struct {
	mu       sync.Mutex
	messages []Message              // guarded by mu
	leaves   map[string]Unsubscribe // by recipient; guarded by mu
	file     *os.File               // nil without one
	failed   error                  // a line could not be written, so the file may end in half of it; guarded by mu
}

// line is one line of the file: one of the two.
type line struct {
	Message     *Message     `json:"message,omitempty"`
	Unsubscribe *Unsubscribe `json:"unsubscribe,omitempty"`
}

// openJournal opens a journal and reads what its file holds. name "" stands
// for none.
func openJournal(name string) (*journal, error) {
	j := &journal{leaves: map[string]Unsubscribe{}}
	if name == "" {
		return j, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the record file: %w", err)
	}
	if err := j.read(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read the record file %s: %w", name, err)
	}
	j.file = file
	return j, nil
}

// read takes in the lines of a file and cuts off a last one that is torn.
func (j *journal) read(file *os.File) error {
	data, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	number := 0
	for text := range bytes.Lines(data[:whole]) {
		number++
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("line %d: %w; move the file away to begin anew", number, err)
		}
		if l.Message != nil {
			j.messages = append(j.messages, *l.Message)
		}
		if l.Unsubscribe != nil {
			j.leaves[l.Unsubscribe.Recipient] = *l.Unsubscribe
		}
	}
	if whole < len(data) {
		return file.Truncate(int64(whole))
	}
	return nil
}

// received records a message.
func (j *journal) received(m Message) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(line{Message: &m}); err != nil {
		return err
	}
	j.messages = append(j.messages, m)
	return nil
}

// left records what is known about an unsubscription; the last word counts.
func (j *journal) left(u Unsubscribe) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.leaves[u.Recipient] = u
	return j.append(line{Unsubscribe: &u})
}

// append writes a line to the file, in one write; mu is held. The data is then
// with the kernel, which is enough to outlive the process. After a failure
// nothing more is written, or the next line would begin in the middle of one.
func (j *journal) append(l line) error {
	if j.file == nil || j.failed != nil {
		return j.failed
	}
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		j.failed = fmt.Errorf("record: %w", err)
	}
	return j.failed
}

// asked returns what is known of a recipient's wish to leave.
func (j *journal) asked(recipient string) (Unsubscribe, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	u, ok := j.leaves[recipient]
	return u, ok
}

func (j *journal) allMessages() []Message {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.messages)
}

func (j *journal) allLeaves() []Unsubscribe {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Unsubscribe, 0, len(j.leaves))
	for _, u := range j.leaves {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Unsubscribe) int { return a.AskedAt.Compare(b.AskedAt) })
	return out
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
