package smtpout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// chunkBytes is written at once, under one deadline.
	chunkBytes = 32 << 10
	// oneFlightBytes is the largest body that travels before its recipient was
	// accepted. A larger one would waste more on a refusal than the round trip costs.
	oneFlightBytes = 256 << 10
	// lastWords is how long to wait, after a write failed, for the reply that
	// says why. It is on its way already, or there is none.
	lastWords = time.Second
)

var (
	errBudget  = errors.New("the transaction ran out of time")
	errTooSoon = errors.New("the server accepted the message before its end")
)

// Send sends one message. body is the whole message with CRLF line ends; a line
// end missing at the end is added. Dot-stuffing is done here.
//
// The end of ctx takes effect at once and ends the session; the outcome then
// says whether the message is in doubt.
func (s *Session) Send(ctx context.Context, env Envelope, body []byte) Outcome {
	s.scratch = outgoing.Get().(*[]byte)
	s.out = (*s.scratch)[:0]
	defer s.release()
	t := transaction{s: s, body: body, kept: env.Told != nil, out: Outcome{Started: time.Now(), TLS: s.info.TLS.String()}}
	t.run(ctx, env)
	t.out.Took = time.Since(t.out.Started)
	if env.Told != nil {
		env.Told(Conversation{Info: s.info, Exchanges: t.exchanges, Body: body, Outcome: t.out})
	}
	if t.out.Closed && !s.closed {
		s.abandon()
	}
	return t.out
}

// outgoing is memory for what is written at once. Hundreds of connections are open
// at a time, and few of them write.
var outgoing = sync.Pool{New: func() any { return new([]byte) }}

// release gives the memory back, which a message that waits for its reply has no use
// for. What is left to say is short.
func (s *Session) release() {
	if s.scratch != nil {
		*s.scratch = s.out
		outgoing.Put(s.scratch)
		s.scratch, s.out = nil, nil
	}
}

// transaction is one message on its way.
type transaction struct {
	s     *Session
	ctx   context.Context
	facts facts
	body  []byte
	out   Outcome

	steps    []step                 // what was or will be sent before the body
	replies  [mostSteps]reply.Reply // to the steps
	final    reply.Reply            // to the message; Code 0: none came
	taken    bool                   // the recipient was accepted
	answered bool                   // the deciding reply has come
	begun    bool                   // a byte was handed to the network
	whole    bool                   // every byte of the message was handed to the network
	broken   error                  // why writing ended; only what was said already is heard

	kept      bool // somebody wants to read the exchanges
	exchanges []Exchange
}

// mostSteps is how many commands go before a body: RSET, MAIL, RCPT and DATA.
const mostSteps = 4

// step is one command and the phase its reply answers.
type step struct {
	phase reply.Phase
	line  string
}

// phaseReset marks RSET, whose reply decides nothing.
const phaseReset reply.Phase = "rset"

func (t *transaction) run(ctx context.Context, env Envelope) {
	x := t.s.info.Extensions
	t.facts = inspect(t.body)
	if t.s.closed {
		t.unsent(errInterrupted)
		return
	}
	if ctx.Err() != nil {
		t.unsent(context.Cause(ctx))
		return
	}
	if e, ok := t.s.link.poll(); ok {
		t.unasked(e)
		return
	}
	if rep, refused := env.refusal(x, t.facts, t.s.info.Host); refused {
		t.out.Reply, t.out.Local = rep, true
		return
	}

	ctx, cancel := context.WithTimeoutCause(ctx, t.s.timeouts.Transaction, errBudget)
	defer cancel()
	t.ctx = ctx
	stop := context.AfterFunc(ctx, t.s.link.interrupt)
	t.s.messages++
	t.plan(env, x)
	t.converse(x)
	t.out.Unsent = !t.begun
	if !stop() { // the context ended as the last reply came: writing has been ended for good
		t.out.Closed = true
	}
}

// unsent ends the transaction before it began.
func (t *transaction) unsent(err error) {
	t.out.Reply, t.out.Unsent, t.out.Closed = instead(reply.PhaseMail, err), true, t.s.closed
}

// unasked ends the transaction before it began, since the server has spoken
// since the last one, or has left. A moment later the same words would have
// answered MAIL, so that is their phase.
func (t *transaction) unasked(e event) {
	t.out.Unsent, t.out.Closed = true, true
	switch {
	case e.reply.Code >= 400:
		t.out.Reply = e.reply
		t.out.Reply.Phase = reply.PhaseMail
	case e.err != nil:
		t.out.Reply = instead(reply.PhaseMail, fmt.Errorf("between two messages: %s", words(e.err)))
	default:
		t.out.Reply = instead(reply.PhaseMail, fmt.Errorf("the server spoke unasked: %s", e.reply))
	}
}

// plan lists the commands that go before the body.
func (t *transaction) plan(env Envelope, x Extensions) {
	if t.s.dirty {
		t.steps = append(t.steps, step{phaseReset, "RSET\r\n"})
	}
	mail, rcpt := env.commands(x, t.facts)
	t.steps = append(t.steps, step{reply.PhaseMail, mail}, step{reply.PhaseRcpt, rcpt})
	if !x.Chunking {
		t.steps = append(t.steps, step{reply.PhaseData, "DATA\r\n"})
	}
}

// converse has the conversation in as few flights as the server allows.
func (t *transaction) converse(x Extensions) {
	switch {
	case x.Pipelining && x.Chunking && len(t.body) <= oneFlightBytes:
		t.oneFlight()
	case x.Pipelining:
		t.flight()
		t.content(x)
	default:
		t.stepwise()
		t.content(x)
	}
}

// oneFlight sends everything and then hears everything (RFC 3030 §4.2: BDAT
// may be pipelined). A refused envelope costs the body's bytes, which the
// server reads and drops; the refusal that comes first decides.
func (t *transaction) oneFlight() {
	out := t.s.out[:0]
	for _, s := range t.steps {
		out = append(out, s.line...)
	}
	t.s.out = t.appendBDAT(out)
	t.s.link.expect(len(t.steps)) // they may come while the body is being written
	t.writeLast(t.body, lineEndIf(t.facts.unended))
	t.hearSteps()
	t.hearFinal()
	t.align()
	t.s.dirty = !t.out.Accepted // RFC 3030 §2: after a failed BDAT the state is indeterminate
	if t.out.Reply.Phase != reply.PhaseDot && !t.out.Closed {
		t.realign()
	}
}

// flight sends the envelope in one write (RFC 2920 §3.1) and hears the replies
// in the order of the commands.
func (t *transaction) flight() {
	out := t.s.out[:0]
	for _, s := range t.steps {
		out = append(out, s.line...)
	}
	t.s.out = out
	t.flush(len(t.steps), t.s.timeouts.Command)
	t.hearSteps()
}

// stepwise sends the envelope command by command and stops at a refusal.
func (t *transaction) stepwise() {
	for i, s := range t.steps {
		t.s.out = append(t.s.out[:0], s.line...)
		t.flush(1, t.s.timeouts.Command)
		if !t.hearStep(i) {
			return
		}
	}
}

// content sends the body of an accepted envelope by BDAT or after the 354.
func (t *transaction) content(x Extensions) {
	switch {
	case t.answered:
	case x.Chunking:
		t.s.out = t.appendBDAT(t.s.out[:0])
		t.writeLast(t.body, lineEndIf(t.facts.unended))
		t.hearFinal()
		t.align()
		t.s.dirty = !t.out.Accepted
	default:
		t.s.out = t.s.out[:0]
		t.dotted()
		t.hearFinal()
		t.s.dirty = false // whatever the reply, the transaction is over (RFC 5321 §4.1.1.4)
	}
}

// dotted writes the body with dots stuffed and the final dot.
func (t *transaction) dotted() {
	end := finalDot
	if t.facts.unended {
		end = []byte("\r\n.\r\n")
	}
	if !t.facts.dots {
		t.writeLast(t.body, end)
		return
	}
	if err := stuffed(t.body, t.write); err == nil {
		t.writeLast(nil, end)
	}
}

func (t *transaction) appendBDAT(out []byte) []byte {
	return fmt.Appendf(out, "BDAT %d LAST\r\n", t.facts.size)
}

func lineEndIf(unended bool) []byte {
	if unended {
		return lineEnd
	}
	return nil
}
