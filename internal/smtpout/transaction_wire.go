package smtpout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// write adds p to what goes out, chunk by chunk.
func (t *transaction) write(p []byte) error {
	for len(p) > 0 {
		if len(t.s.out) >= chunkBytes {
			t.flush(0, t.s.timeouts.Chunk)
			t.s.out = t.s.out[:0]
		}
		if t.broken != nil {
			return t.broken
		}
		n := min(len(p), chunkBytes-len(t.s.out))
		t.s.out = append(t.s.out, p[:n]...)
		p = p[n:]
	}
	return nil
}

// writeLast writes what is left of the message. With its last byte the message
// is whole, and from then on in doubt until the final reply. That byte is never
// written once the server has ended the session: such a message is not in doubt.
func (t *transaction) writeLast(body, end []byte) {
	if t.write(body) != nil || t.write(end) != nil {
		return
	}
	t.flush(1, t.s.timeouts.Chunk)
	t.whole = t.broken == nil
	t.s.release()
}

// flush hands to the network what has been gathered.
func (t *transaction) flush(replies int, timeout time.Duration) {
	if t.broken == nil {
		t.s.link.expect(replies)
		n, err := t.s.link.say(t.s.out, timeout)
		t.begun, t.broken = t.begun || n > 0, err
	}
}

// hear waits for the reply to what was sent in phase. False means that there
// is none and the session is over.
func (t *transaction) hear(phase reply.Phase, timeout time.Duration) (reply.Reply, bool) {
	switch {
	case t.broken != nil:
		timeout = t.patience()
	case t.whole && !t.answered: // to leave now would leave a message in doubt
		timeout = t.s.timeouts.Dot
	}
	rep, err := t.s.link.hear(t.ctx, timeout)
	rep.Phase = phase
	if err != nil || rep.Code == 421 { // RFC 5321 §3.8: after a 421 the server closes
		t.out.Closed = true
	}
	if rep.Code != 0 {
		return rep, true
	}
	if _, silence := errors.AsType[waited](err); silence {
		err = cmp.Or(context.Cause(t.ctx), t.broken, err)
	}
	t.lose(phase, err, rep.Lines)
	return rep, false
}

// heard is a reply or, where none came, why the transaction ended.
func (t *transaction) heard(rep reply.Reply) reply.Reply {
	if rep.Code == 0 {
		return t.out.Reply
	}
	return rep
}

// patience is how long to wait for words after a failed write. A server that
// closed has said them already, or is about to; one that stopped reading is
// not going to.
func (t *transaction) patience() time.Duration {
	if errors.Is(t.broken, syscall.EPIPE) || errors.Is(t.broken, syscall.ECONNRESET) || errors.Is(t.broken, io.ErrClosedPipe) {
		return lastWords
	}
	return 0
}

// lose ends the transaction for want of a reply.
func (t *transaction) lose(phase reply.Phase, err error, said []string) {
	t.out.Closed = true
	if t.answered {
		return
	}
	t.answered = true
	t.out.InDoubt = t.whole
	t.out.Reply = instead(phase, err)
	t.out.Reply.Lines = append(t.out.Reply.Lines, said...)
}

// decide notes the first reply that ends the transaction; those after it are
// its echoes.
func (t *transaction) decide(rep reply.Reply) {
	if !t.answered {
		t.answered = true
		t.out.Reply = rep
		t.out.Accepted = rep.Phase == reply.PhaseDot && rep.Code/100 == 2
	}
}

// outOfStep ends a session whose replies no longer fit the commands.
func (t *transaction) outOfStep(rep reply.Reply) {
	t.lose(rep.Phase, fmt.Errorf("%d is no reply to this command", rep.Code), rep.Lines)
}

// hearSteps hears the replies to a flight, whatever they are: only so do the
// next ones fit their commands.
func (t *transaction) hearSteps() {
	for i := range t.steps {
		t.hearStep(i)
		if t.answered && t.out.Closed {
			return
		}
	}
}

// hearStep hears and judges the reply to one command. It says whether the next
// may follow.
func (t *transaction) hearStep(i int) bool {
	s := t.steps[i]
	phase := s.phase
	if phase == phaseReset {
		phase = reply.PhaseMail
	}
	rep, ok := t.hear(phase, t.s.timeouts.Command)
	t.note(s.line, t.heard(rep))
	t.replies[i] = rep
	kind := rep.Code / 100
	switch {
	case !ok:
		return false
	case rep.Code == 421:
		t.decide(rep)
	case s.phase == phaseReset: // refused or not: the reply to MAIL will tell
		t.s.dirty = false
	case kind >= 4:
		t.decide(rep)
	case s.phase == reply.PhaseData && kind == 3:
		if t.answered && !t.out.Closed {
			t.takeBack()
		}
	case s.phase == reply.PhaseData || kind == 3:
		if s.phase == reply.PhaseData { // where the envelope was refused, that was no reply to it
			t.answered = false
		}
		t.outOfStep(rep)
	case s.phase == reply.PhaseMail:
		t.s.dirty = true
	default:
		t.taken = true
	}
	return !t.answered
}

// takeBack ends a transaction whose DATA was taken although its envelope was
// refused: an empty message, and never ours (RFC 2920 §3.1: "the client …
// should send a single dot"). The reply to it means nothing. A server that
// refused the sender and took the recipient would bring him nothing in an
// envelope: it is left.
func (t *transaction) takeBack() {
	if t.taken {
		t.out.Closed = true
		return
	}
	t.s.out = append(t.s.out[:0], finalDot...)
	t.flush(1, t.s.timeouts.Command)
	t.hear(reply.PhaseDot, t.s.timeouts.Command)
	t.s.dirty = false
}

// realign makes sure that a server which refused the envelope of a flight has
// dropped the body that followed, and has not taken it for commands: their
// replies would pass for those to the next message. RSET goes alone, and what
// comes back must be its 250.
func (t *transaction) realign() {
	t.s.out = append(t.s.out[:0], "RSET\r\n"...)
	t.flush(1, t.s.timeouts.Command)
	if rep, _ := t.hear(reply.PhaseDot, t.s.timeouts.Command); rep.Code/100 != 2 {
		t.out.Closed = true
	}
	t.s.dirty = false
}

// hearFinal hears the reply to the whole message.
func (t *transaction) hearFinal() {
	if t.answered && t.out.Closed {
		return
	}
	rep, ok := t.hear(reply.PhaseDot, t.s.timeouts.Command)
	t.note(fmt.Sprintf("(the message, %d bytes)", t.facts.size), t.heard(rep))
	t.final = rep
	switch {
	case !ok:
	case rep.Code/100 == 3:
		t.outOfStep(rep)
	case rep.Code/100 == 2 && !t.answered && !t.whole:
		t.lose(reply.PhaseDot, errTooSoon, rep.Lines)
	default:
		t.decide(rep)
	}
	if t.broken != nil {
		t.out.Closed = true
	}
}
