package receiver

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// What is said when the description has no words for it.
var (
	lanesAnswer   = Refusal{Code: 421, Enhanced: "4.7.0", Text: "Too many open connections from {source}"}
	sessionAnswer = Refusal{Code: 421, Enhanced: "4.7.0", Text: "Too many messages in this connection, please open another"}
	noiseAnswer   = Refusal{Phase: reply.PhaseMail, Code: 421, Enhanced: "4.3.0", Text: "Temporary problem, please try again later"}

	errorsAnswer     = Refusal{Code: 421, Enhanced: "4.7.0", Text: "Error: too many errors"}
	recipientsAnswer = Refusal{Code: 452, Enhanced: "4.5.3", Text: "Too many recipients"}
	sizeAnswer       = Refusal{Code: 552, Enhanced: "5.3.4", Text: "Message too large"}
	sequenceAnswer   = Refusal{Code: 503, Enhanced: "5.5.1", Text: "Bad sequence of commands"}
)

// Every function below is one reason to refuse. It returns the refusal
// and true, or false when it has nothing against the command.

func (r *Receiver) outOfService(now time.Time, phase reply.Phase, host int, who subject) (Answer, bool) {
	for _, o := range r.outages {
		if !o.hits(phase, host) {
			continue
		}
		on, left := o.on(now)
		if on && (o.share == 1 || Share(r.rng.Float64()) < o.share) {
			return r.no(phase, o.answer, CauseOutage, who, left), true
		}
	}
	return Answer{}, false
}

func (r *Receiver) tooManyLanes(who subject) (Answer, bool) {
	for i, l := range r.spec.Lanes {
		open := len(r.conns)
		if l.Per != PerAll {
			open = r.bySource[who.source]
		}
		if open >= l.Max {
			return r.no(reply.PhaseConnect, r.lanes[i], CauseLanes, who, 0), true
		}
	}
	return Answer{}, false
}

// admit asks the limits that speak at a phase. Only if all let the command pass
// is it counted.
func (r *Receiver) admit(now time.Time, phase reply.Phase, who subject) (Answer, bool) {
	r.asked = r.asked[:0]
	for _, l := range r.limiters {
		if l.phase != phase && !l.boxSpeaksAt(phase) {
			r.asked = append(r.asked, nil)
			continue
		}
		t := l.tally(now, who)
		r.asked = append(r.asked, t)
		if t.box != nil {
			if in, left := t.box.closed(now); in {
				l.refused(now, t)
				return r.no(phase, l.boxed, CausePenalty, who, left), true
			}
		}
		if l.phase != phase {
			continue
		}
		if ok, wait := l.ask(now, t); !ok {
			l.refused(now, t)
			return r.no(phase, l.answer, CauseLimit, who, wait), true
		}
	}
	for i, l := range r.limiters {
		if l.phase == phase && !l.onAcceptance() {
			l.passed(now, r.asked[i])
		}
	}
	return Answer{}, false
}

// countAcceptance counts an accepted message in the limits that speak at
// connect but count messages.
func (r *Receiver) countAcceptance(now time.Time, who subject) {
	for _, l := range r.limiters {
		if l.onAcceptance() {
			l.passed(now, l.tally(now, who))
		}
	}
}

func (r *Receiver) sessionOver(c *conn) (Answer, bool) {
	s := r.spec.Session
	if s.Messages == 0 || c.messages < s.Messages {
		return Answer{}, false
	}
	return r.no(reply.PhaseMail, r.session, CauseSession, c.who, 0), true
}

func (r *Receiver) tooManyInSession(c *conn) (Answer, bool) {
	s := r.spec.Session
	switch {
	case s.Errors > 0 && c.errors >= s.Errors:
		return r.no(reply.PhaseRcpt, r.words(&errorsAnswer), CauseSession, c.who, 0), true
	case s.Recipients > 0 && c.accepted >= s.Recipients:
		return r.no(reply.PhaseRcpt, r.words(&recipientsAnswer), CauseRecipients, c.who, 0), true
	}
	return Answer{}, false
}

func (r *Receiver) mailbox(now time.Time, c *conn) (Answer, bool) {
	state, left, refuses := r.mailboxes.refuses(now, c.who.recipient)
	if !refuses {
		return Answer{}, false
	}
	c.errors++
	return r.no(reply.PhaseRcpt, r.mailboxes.answers[state], CauseMailbox, c.who, left), true
}

func (r *Receiver) firstContact(now time.Time, who subject) (Answer, bool) {
	if r.greylist == nil {
		return Answer{}, false
	}
	known, wait := r.greylist.knows(now, who)
	if known {
		return Answer{}, false
	}
	return r.no(reply.PhaseRcpt, r.greylist.answer, CauseGreylist, who, wait), true
}

func (r *Receiver) oversize(size int, who subject) (Answer, bool) {
	if limit := r.spec.Session.MaxBytes; limit == 0 || size <= limit {
		return Answer{}, false
	}
	return r.no(reply.PhaseDot, r.words(&sizeAnswer), CauseSize, who, 0), true
}

func (r *Receiver) noise(phase reply.Phase, who subject) (Answer, bool) {
	for i, n := range r.spec.Noise {
		if r.noises[i].Phase == phase && Share(r.rng.Float64()) < n.Share {
			return r.no(phase, r.noises[i], CauseNoise, who, 0), true
		}
	}
	return Answer{}, false
}

func (r *Receiver) outOfOrder(phase reply.Phase, who subject) Answer {
	return r.no(phase, r.words(&sequenceAnswer), CauseProtocol, who, 0)
}

// words makes an answer ready that is said too seldom to be kept ready.
func (r *Receiver) words(answer *Refusal) *words {
	return answer.ready(Refusal{}, r.spec.Opaque)
}
