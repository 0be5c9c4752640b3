package receiver

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Every function in this file is one reason to refuse. It returns the refusal
// and true, or false when it has nothing against the command.

func (r *Receiver) outOfService(now time.Time, phase reply.Phase, host int, who subject) (Answer, bool) {
	for _, o := range r.outages {
		if !o.hits(phase, host) {
			continue
		}
		on, left := o.on(now)
		if on && (o.share == 1 || Share(r.rng.Float64()) < o.share) {
			return r.no(phase, &o.answer, CauseOutage, who, left), true
		}
	}
	return Answer{}, false
}

func (r *Receiver) tooManyLanes(who subject) (Answer, bool) {
	for _, l := range r.spec.Lanes {
		open := len(r.conns)
		if l.Per != PerAll {
			open = r.bySource[who.source]
		}
		if open >= l.Max {
			answer := l.Answer.over(Refusal{Code: 421, Enhanced: "4.7.0",
				Text: "Too many open connections from {source}"})
			return r.no(reply.PhaseConnect, &answer, CauseLanes, who, 0), true
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
				return r.boxed(now, phase, l, t, who, left), true
			}
		}
		if l.phase != phase {
			continue
		}
		if ok, wait := l.ask(now, t); !ok {
			l.refused(now, t)
			return r.no(phase, &l.answer, CauseLimit, who, wait), true
		}
	}
	for i, l := range r.limiters {
		if l.phase == phase && !l.onAcceptance() {
			l.passed(now, r.asked[i])
		}
	}
	return Answer{}, false
}

// boxed refuses someone who is in a limit's penalty box.
func (r *Receiver) boxed(now time.Time, phase reply.Phase, l *limiter, t *tally, who subject, left time.Duration) Answer {
	l.refused(now, t)
	answer := l.spec.Penalty.Answer.over(l.answer)
	return r.no(phase, &answer, CausePenalty, who, left)
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
	answer := s.Answer.over(Refusal{Code: 421, Enhanced: "4.7.0",
		Text: "Too many messages in this connection, please open another", Silent: s.Silent})
	return r.no(reply.PhaseMail, &answer, CauseSession, c.who, 0), true
}

func (r *Receiver) tooManyErrors(c *conn) (Answer, bool) {
	s := r.spec.Session
	switch {
	case s.Errors > 0 && c.errors >= s.Errors:
		answer := Refusal{Code: 421, Enhanced: "4.7.0", Text: "Error: too many errors"}
		return r.no(reply.PhaseRcpt, &answer, CauseSession, c.who, 0), true
	case s.Recipients > 0 && c.accepted >= s.Recipients:
		answer := Refusal{Code: 452, Enhanced: "4.5.3", Text: "Too many recipients"}
		return r.no(reply.PhaseRcpt, &answer, CauseRecipients, c.who, 0), true
	}
	return Answer{}, false
}

func (r *Receiver) mailbox(now time.Time, c *conn) (Answer, bool) {
	state, left, refuses := r.mailboxes.refuses(now, c.who.recipient)
	if !refuses {
		return Answer{}, false
	}
	c.errors++
	answer := r.mailboxes.answer(state)
	return r.no(reply.PhaseRcpt, &answer, CauseMailbox, c.who, left), true
}

func (r *Receiver) firstContact(now time.Time, who subject) (Answer, bool) {
	if r.greylist == nil {
		return Answer{}, false
	}
	known, wait := r.greylist.knows(now, who)
	if known {
		return Answer{}, false
	}
	return r.no(reply.PhaseRcpt, &r.greylist.answer, CauseGreylist, who, wait), true
}

func (r *Receiver) tooLarge(size int, who subject) (Answer, bool) {
	if limit := r.spec.Session.MaxBytes; limit == 0 || size <= limit {
		return Answer{}, false
	}
	answer := Refusal{Code: 552, Enhanced: "5.3.4", Text: "Message too large"}
	return r.no(reply.PhaseDot, &answer, CauseSize, who, 0), true
}

func (r *Receiver) noise(phase reply.Phase, who subject) (Answer, bool) {
	for i, n := range r.spec.Noise {
		answer := &r.noises[i]
		if answer.Phase == phase && Share(r.rng.Float64()) < n.Share {
			return r.no(phase, answer, CauseNoise, who, 0), true
		}
	}
	return Answer{}, false
}

func (r *Receiver) outOfOrder(phase reply.Phase, who subject) Answer {
	answer := Refusal{Code: 503, Enhanced: "5.5.1", Text: "Bad sequence of commands"}
	return r.no(phase, &answer, CauseProtocol, who, 0)
}
