package smtpout

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Exchange is what we said and what the server answered; Said is empty for its
// greeting.
type Exchange struct {
	Said  string
	Heard reply.Reply
}

// Conversation is a session around one message: from the greeting, however long
// ago that was, to the reply that decided.
type Conversation struct {
	Info      Info
	Exchanges []Exchange // of this message
	Body      []byte     // the message as it was sent; not to be kept
	Outcome   Outcome
}

// Text writes the conversation as people read it: a line for each side, each reply
// under its command, also where several commands travelled together.
func (c Conversation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- connected to %s (%s) from %s\n", c.Info.Host, c.Info.Addr, c.Info.Local.Addr())
	write := func(all []Exchange) {
		for _, e := range all {
			if e.Said != "" {
				fmt.Fprintf(&b, "C: %s\n", e.Said)
			}
			writeReply(&b, e.Heard)
			if e.Said == "STARTTLS" && e.Heard.Code/100 == 2 && c.Info.TLS.Version != "" {
				fmt.Fprintf(&b, "-- encrypted: %s\n", c.Info.TLS)
			}
		}
	}
	write(c.Info.Opening)
	if later := c.Outcome.Started.Sub(c.Info.Opened); later >= time.Second {
		fmt.Fprintf(&b, "-- %s later, over the same connection\n", later.Round(time.Second))
	}
	write(c.Exchanges)
	if c.Outcome.InDoubt {
		b.WriteString("-- no final reply came: the server may have the message\n")
	}
	return b.String()
}

func writeReply(b *strings.Builder, r reply.Reply) {
	if r.Code == 0 {
		fmt.Fprintf(b, "-- %s\n", r.Text())
		return
	}
	for i, line := range r.Lines {
		mark := '-'
		if i == len(r.Lines)-1 {
			mark = ' '
		}
		fmt.Fprintf(b, "S: %03d%c%s\n", r.Code, mark, line)
	}
	if len(r.Lines) == 0 {
		fmt.Fprintf(b, "S: %03d\n", r.Code)
	}
}

// note keeps an exchange of the opening. What was said to log in is not for
// anybody's eyes.
func (o *opening) note(stage Stage, said string, heard reply.Reply) {
	if !o.d.KeepOpenings {
		return
	}
	if stage == StageAuth {
		said = "(what proves who we are)"
	}
	o.info.Opening = append(o.info.Opening, Exchange{said, heard})
}

// note keeps an exchange of the message, if somebody wants to know.
func (t *transaction) note(said string, heard reply.Reply) {
	if t.kept {
		t.exchanges = append(t.exchanges, Exchange{strings.TrimSuffix(said, "\r\n"), heard})
	}
}
