package receiver

import (
	"math"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Answer is what the server does about one command.
type Answer struct {
	Reply reply.Reply   // as on the wire; Code 0 when it says nothing. Its lines may be shared: do not change them
	Close bool          // it closes the connection with, or instead of, the reply
	Hang  bool          // it never answers; the connection stays open until the client gives up
	Delay time.Duration // how long it takes to say so
	Cause Cause         // why it refused, which no sender is told; empty when it did not
}

// Accepted reports whether the answer is a yes (2xx or 3xx).
func (a Answer) Accepted() bool { return a.Reply.Code/100 == 2 || a.Reply.Code/100 == 3 }

// Cause is the part of the description that refused: the truth behind an answer.
type Cause string

// The causes of refusals.
const (
	CauseNone       Cause = ""
	CauseLimit      Cause = "limit"      // a limit is exhausted
	CausePenalty    Cause = "penalty"    // in the box of a limit
	CauseLanes      Cause = "lanes"      // too many connections open
	CauseSession    Cause = "session"    // the connection has had its messages or errors
	CauseRecipients Cause = "recipients" // too many recipients in one message
	CauseGreylist   Cause = "greylist"   // first contact
	CauseMailbox    Cause = "mailbox"    // this recipient's mailbox
	CauseSize       Cause = "size"       // the message is too large
	CauseOutage     Cause = "outage"     // out of service
	CauseNoise      Cause = "noise"      // no reason
	CauseProtocol   Cause = "protocol"   // command out of order
)

// Avoidable reports whether a perfectly informed sender would not have been
// refused. Greylisting, mailboxes and noise meet everyone.
func (c Cause) Avoidable() bool {
	switch c {
	case CauseNone, CauseGreylist, CauseMailbox, CauseNoise:
		return false
	}
	return true
}

// What the server says when it lets a command pass.
var (
	yesConnect = reply.Reply{Phase: reply.PhaseConnect, Code: 220, Lines: []string{"ESMTP ready"}}
	yesMail    = reply.Reply{Phase: reply.PhaseMail, Code: 250, Enhanced: "2.1.0", Lines: []string{"2.1.0 Ok"}}
	yesRcpt    = reply.Reply{Phase: reply.PhaseRcpt, Code: 250, Enhanced: "2.1.5", Lines: []string{"2.1.5 Ok"}}
	yesData    = reply.Reply{Phase: reply.PhaseData, Code: 354, Lines: []string{"Go ahead"}}
	yesDot     = reply.Reply{Phase: reply.PhaseDot, Code: 250, Enhanced: "2.0.0", Lines: []string{"2.0.0 Ok: queued"}}
)

// yes makes the answer that lets a command pass.
func (r *Receiver) yes(said reply.Reply) Answer {
	mean := r.spec.Latency.Reply
	switch said.Phase {
	case reply.PhaseConnect:
		mean = r.spec.Latency.Connect
	case reply.PhaseDot:
		mean = r.spec.Latency.Message
	}
	return Answer{Reply: said, Delay: r.delay(said.Phase, mean)}
}

// no makes the answer that refuses a command.
func (r *Receiver) no(phase reply.Phase, refusal *words, cause Cause, who subject, wait time.Duration) Answer {
	mean := r.spec.Latency.Refusal
	if mean == 0 {
		mean = r.spec.Latency.Reply
		if phase == reply.PhaseConnect {
			mean = r.spec.Latency.Connect
		}
	}
	f := facts{source: who.source, recipient: who.recipient, wait: wait}
	return Answer{
		Reply: refusal.say(phase, f),
		Close: refusal.closes(),
		Hang:  refusal.Hang,
		Delay: r.delay(reply.PhaseConnect, mean),
		Cause: cause,
	}
}

// delay draws a latency with the given mean. Crowding concerns all that is said
// on an open connection, refusals apart.
func (r *Receiver) delay(phase reply.Phase, mean time.Duration) time.Duration {
	d := float64(mean)
	if sigma := r.spec.Latency.Jitter; sigma > 0 && d > 0 {
		d *= math.Exp(sigma*r.rng.NormFloat64() - sigma*sigma/2) // its mean is 1
	}
	if c := r.spec.Crowding; c != nil && phase != reply.PhaseConnect && len(r.conns) > c.From {
		d *= math.Pow(float64(len(r.conns))/float64(c.From), orElse(c.Exponent, 1))
	}
	return time.Duration(d)
}
