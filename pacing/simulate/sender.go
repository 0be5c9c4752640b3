package simulate

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// What the simulated sender could ever do at one provider.
const (
	hardRate  = 50.0 // messages per second
	hardLanes = 40
	idleFor   = 15 * time.Second // an unused lane is closed after this
)

// message is one message on its way.
type message struct {
	id       int
	attempts int
	first    time.Duration // first attempt
	due      time.Duration // next attempt
}

type laneState int

const (
	opening laneState = iota
	idle
	busy
	gone
)

// lane is one simulated connection.
type lane struct {
	state laneState
	id    receiver.ConnID
	host  int
	sent  int
	last  time.Duration
}

// sender plays a policy against a receiver, with mail without end.
type sender struct {
	*world
	policy   Policy
	receiver *receiver.Receiver
	classify func(reply.Reply) reply.Meaning
	rng      *rand.Rand
	hosts    int
	delay    time.Duration // age of the feedback
	source   netip.Addr
	names    bool // recipients must differ

	lanes   []*lane
	open    int // opening lanes included
	ready   int // idle or busy
	retries retries
	made    int
	wakeAt  time.Duration
	tally   *Tally

	stalledTo time.Duration // nothing is done before
	killedAt  time.Duration // what was launched before is never heard of
}

// pump does whatever can be done now.
func (s *sender) pump() {
	if s.now < s.stalledTo {
		return
	}
	s.wake(s.policy.Wake(s.now))
	s.trim()
	for range 200 {
		l := s.idle()
		if l == nil {
			if !s.openLane() {
				return
			}
			continue
		}
		permit, again, ok := s.policy.Permit(s.now)
		if !ok {
			s.wake(again)
			return
		}
		s.send(l, permit)
	}
	s.wake(s.now + time.Millisecond)
}

// wake plans the next pump, once.
func (s *sender) wake(at time.Duration) {
	at = max(at, s.now+100*time.Microsecond)
	if at >= s.wakeAt {
		return
	}
	s.wakeAt = at
	s.at(at, func() {
		if s.wakeAt <= s.now {
			s.wakeAt = never
			s.pump()
		}
	})
}

// trim closes lanes that are too many or unused.
func (s *sender) trim() {
	most, _ := s.policy.Lanes(s.now, s.open)
	for s.ready > min(most, hardLanes) {
		l := s.idle()
		if l == nil {
			break
		}
		s.close(l)
	}
	for _, l := range s.lanes {
		if l.state == idle && s.now-l.last > idleFor {
			s.close(l)
			return
		}
	}
}

func (s *sender) idle() *lane {
	for _, l := range s.lanes {
		if l.state == idle {
			return l
		}
	}
	return nil
}

func (s *sender) close(l *lane) {
	if l.state == gone {
		return
	}
	if l.state != opening {
		s.ready--
	}
	s.open--
	l.state = gone
	s.receiver.Close(Start.Add(s.now), l.id)
	for i, other := range s.lanes {
		if other == l {
			s.lanes = append(s.lanes[:i], s.lanes[i+1:]...)
			break
		}
	}
}

// openLane opens one more lane if the policy wants it. It says whether it did.
func (s *sender) openLane() bool {
	most, openAt := s.policy.Lanes(s.now, s.open)
	if s.open >= min(most, hardLanes) || s.open-s.ready >= 1+s.open/4 {
		return false
	}
	if openAt > s.now {
		s.wake(openAt)
		return false
	}
	launched := s.now
	host := s.policy.Host(s.now, s.hosts)
	answer, id := s.receiver.Connect(Start.Add(s.now), s.source, host)
	l := &lane{id: id, host: host}
	s.lanes = append(s.lanes, l)
	s.open++
	s.at(s.now+answer.Delay, func() {
		o := Outcome{HostNo: host}
		o.Kind, o.Launched = pacing.Opened, Start.Add(launched)
		if l.state == gone {
			return
		}
		if answer.Accepted() {
			l.state, l.last = idle, s.now
			s.ready++
			o.Lanes = s.ready
		} else {
			s.close(l)
			s.explain(&o, answer, reply.PhaseConnect)
			o.Kind, o.Lanes = pacing.OpenRefused, s.ready
			s.tally.attempt(launched)
			s.tally.refuse(s.now, answer.Cause)
		}
		s.report(o)
		s.pump()
	})
	return true
}

// send starts one message on a lane. The envelope travels in one flight, so
// every phase is asked at the moment of launch.
func (s *sender) send(l *lane, permit Permit) {
	m := s.next(permit)
	if m.attempts == 0 {
		m.first = s.now
	}
	m.attempts++
	l.state = busy
	l.sent++
	launched, index := s.now, l.sent
	s.tally.attempt(s.now)
	answer, took, phase := s.transact(l, m)
	s.at(s.now+took, func() {
		o := Outcome{Attempts: m.attempts, HostNo: l.host}
		o.Kind, o.Launched, o.Index, o.Probe = pacing.Accepted, Start.Add(launched), index, permit.Probe
		o.First, o.Age, o.Lanes = m.attempts == 1, launched-m.first, s.ready
		if answer.Accepted() {
			s.tally.accept(s.now)
		} else {
			o.Kind = pacing.Refused
			s.explain(&o, answer, phase)
			s.tally.refuse(s.now, answer.Cause)
			m.due = s.now + s.policy.Retry(s.now, o)
			heap.Push(&s.retries, m)
		}
		if l.state == gone {
			return // killed; the receiver has the message all the same
		}
		if answer.Close || s.policy.PerLane() > 0 && l.sent >= s.policy.PerLane() {
			s.close(l)
		} else {
			l.state, l.last = idle, s.now
		}
		s.report(o)
		s.pump()
	})
}

// transact plays one message's commands and returns the answer that decided.
func (s *sender) transact(l *lane, m *message) (receiver.Answer, time.Duration, reply.Phase) {
	now := Start.Add(s.now)
	recipient := "someone@provider.test"
	if s.names {
		recipient = strconv.Itoa(m.id) + "@provider.test"
	}
	took := time.Duration(0)
	steps := [...]func() receiver.Answer{
		func() receiver.Answer { return s.receiver.Mail(now, l.id, "news@sender.test") },
		func() receiver.Answer { return s.receiver.Rcpt(now, l.id, recipient) },
		func() receiver.Answer { return s.receiver.Data(now, l.id) },
		func() receiver.Answer { return s.receiver.Dot(now, l.id, 20_000) },
	}
	phases := [...]reply.Phase{reply.PhaseMail, reply.PhaseRcpt, reply.PhaseData, reply.PhaseDot}
	var answer receiver.Answer
	for i, step := range steps {
		answer = step()
		took += answer.Delay
		if !answer.Accepted() {
			return answer, took, phases[i]
		}
	}
	return answer, took, reply.PhaseDot
}

// next takes the message to send: one that was put off and is due, else a new one.
func (s *sender) next(permit Permit) *message {
	if !permit.Fresh && len(s.retries) > 0 && (permit.Probe || s.retries[0].due <= s.now) {
		return heap.Pop(&s.retries).(*message)
	}
	s.made++
	return &message{id: s.made}
}

// explain fills in what the server said.
func (s *sender) explain(o *Outcome, a receiver.Answer, phase reply.Phase) {
	r := a.Reply
	r.Phase = phase
	o.Meaning = s.classify(r)
	o.Phase, o.Code, o.Severed = phase, r.Code, a.Close
	o.Reply = r.String()
}

// report hands an outcome to the policy, as late as feedback is.
func (s *sender) report(o Outcome) {
	o.At = Start.Add(s.now)
	o.Host = hostName(o.HostNo)
	if s.delay == 0 {
		s.policy.Report(s.now, o)
		return
	}
	s.at(s.now+s.delay, func() {
		if o.Launched.Before(Start.Add(s.killedAt)) {
			return
		}
		s.policy.Report(s.now, o)
		s.pump()
	})
}

// retries are messages that were put off, by due time.
type retries []*message

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].due < r[j].due }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *retries) Push(x any)        { *r = append(*r, x.(*message)) }
func (r *retries) Pop() any {
	old := *r
	last := old[len(old)-1]
	*r = old[:len(old)-1]
	return last
}

func hostName(host int) string { return "mx" + strconv.Itoa(host+1) }
