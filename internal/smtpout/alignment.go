package smtpout

import (
	"errors"
	"hash/maphash"
	"strings"

	"github.com/headwaymail/headway/pacing/reply"
)

// A server that says one reply too many shifts all that follow: the replies to
// MAIL and RCPT then pass for those to RCPT and to the message. What it says
// before our flight is noticed (transaction.unasked), and after DATA the 354 stands
// where no other reply can. A flight that ends with BDAT has no such mark. It is
// looked at for what shifted replies show, and where they do, QUIT finds out: its
// 221 comes last, and what comes before it is the reply to the message.

var errShifted = errors.New("the replies do not fit the commands, and the server did not say which one was for the message")

// usualReplies are the shapes of what a server says to a recipient and to a message
// that it takes; they are the same all session long.
type usualReplies struct {
	known       bool
	rcpt, final uint64
}

// align makes sure that the replies to an envelope and its BDAT are these, as far
// as they look as if they were not.
func (t *transaction) align() {
	if t.out.Closed || t.final.Code/100 != 2 {
		return
	}
	usual := &t.s.usual
	rcpt, final := shape(t.replies[len(t.steps)-1]), shape(t.final)
	switch {
	case t.out.Reply.Phase != reply.PhaseDot: // a refused envelope, whose message was taken
	case usual.known && final == usual.rcpt && final != usual.final:
	default:
		if t.out.Accepted && !usual.known {
			*usual = usualReplies{true, rcpt, final}
		}
		return
	}
	t.confirm()
}

// confirm ends the session to find out which reply was the one to the message. One
// that was none is left out, and those after it move to their commands.
func (t *transaction) confirm() {
	t.s.out = append(t.s.out[:0], "QUIT\r\n"...)
	t.flush(1, t.s.timeouts.Command) // fails where one reply too many was heard already
	t.broken = nil
	rep, err := t.s.link.hear(t.ctx, t.s.timeouts.Dot)
	t.out.Closed = true
	switch {
	case rep.Code == 221: // they were in step
		return
	case err != nil && rep.Code == 0, rep.Code == 421, rep.Code/100 == 3:
		t.answered, t.out.Accepted = false, false
		t.lose(reply.PhaseDot, errShifted, rep.Lines)
		return
	}
	t.answered, t.out.Accepted = false, false
	for i, s := range t.steps {
		moved := t.final
		if i+1 < len(t.steps) {
			moved = t.replies[i+1]
		}
		if moved.Phase = s.phase; s.phase != phaseReset && moved.Code >= 400 {
			t.decide(moved)
		}
	}
	rep.Phase = reply.PhaseDot
	t.decide(rep)
}

// shapes makes equal shapes equal for as long as the process lives.
var shapes = maphash.MakeSeed()

// shape is a hash of a reply without what differs from message to message: words with
// addresses or digits.
func shape(r reply.Reply) uint64 {
	var h maphash.Hash
	h.SetSeed(shapes)
	_ = h.WriteByte(byte(r.Code % 100)) // a hash takes every byte
	_, _ = h.WriteString(r.Enhanced)
	for _, line := range r.Lines {
		_ = h.WriteByte('\n')
		for word := range strings.SplitSeq(line, " ") {
			if !strings.ContainsAny(word, "0123456789@") {
				_, _ = h.WriteString(word)
			}
			_ = h.WriteByte(' ')
		}
	}
	return h.Sum64()
}
