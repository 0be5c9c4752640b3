package receiver

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// ConnID names one open connection of a [Receiver]. 0 is none.
type ConnID uint64

// Receiver is one receiving provider at work. Times given to its methods must
// not go back.
type Receiver struct {
	spec      Spec
	rng       *rand.Rand
	limiters  []*limiter
	outages   []*outage
	greylist  *greylist
	mailboxes *mailboxes
	noises    []*words // of each Noise
	lanes     []*words // of each Lanes
	session   *words   // after the last message

	conns    map[ConnID]*conn
	lastID   ConnID
	bySource map[netip.Addr]int // open connections
	asked    []*tally           // scratch of admit
}

// conn is one open connection.
type conn struct {
	who      subject
	host     int
	messages int // MAIL commands let pass
	errors   int // recipients refused
	mail     bool
	accepted int // recipients of the message under way
	data     bool
}

// subject is whom a command is from and for, as far as is known.
type subject struct {
	source    netip.Addr
	from      string
	recipient string
}

// key returns what a limit with this key counts the subject under.
func (s subject) key(per Key) tallyKey {
	switch per {
	case PerAll:
		return tallyKey{}
	case PerSendingDomain:
		return tallyKey{text: strings.ToLower(s.from[strings.LastIndexByte(s.from, '@')+1:])}
	case PerRecipient:
		return tallyKey{text: strings.ToLower(s.recipient)}
	default:
		return tallyKey{source: s.source}
	}
}

// New makes a receiver that behaves as spec says, from start on. What chance
// decides is drawn from seed. The spec should have passed [Spec.Check].
func New(spec Spec, seed uint64, start time.Time) *Receiver {
	spec.Limits, spec.Outages = slices.Clone(spec.Limits), slices.Clone(spec.Outages)
	r := &Receiver{
		spec:      spec,
		rng:       rand.New(rand.NewPCG(seed, 1)),
		mailboxes: newMailboxes(&spec.Mailboxes, spec.Opaque, seed),
		conns:     map[ConnID]*conn{},
		bySource:  map[netip.Addr]int{},
	}
	for i := range spec.Limits {
		r.limiters = append(r.limiters, newLimiter(&spec.Limits[i], spec.Opaque, start, r.rng))
	}
	for i := range spec.Outages {
		own := rand.New(rand.NewPCG(seed, uint64(i)+2))
		r.outages = append(r.outages, newOutage(&spec.Outages[i], spec.Opaque, start, own))
	}
	for _, n := range spec.Noise {
		r.noises = append(r.noises, n.Answer.ready(noiseAnswer, spec.Opaque))
	}
	for _, l := range spec.Lanes {
		r.lanes = append(r.lanes, l.Answer.ready(lanesAnswer, spec.Opaque))
	}
	silent := sessionAnswer
	silent.Silent = spec.Session.Silent
	r.session = spec.Session.Answer.ready(silent, spec.Opaque)
	if spec.Greylist != nil {
		r.greylist = newGreylist(spec.Greylist, spec.Opaque)
	}
	return r
}

// Connect answers a new connection from source to a host, numbered from 0, with
// the greeting (220) or a refusal. The id is 0 if the connection is over with
// the answer; otherwise it stays open until an answer closes it or [Receiver.Close].
func (r *Receiver) Connect(now time.Time, source netip.Addr, host int) (Answer, ConnID) {
	const phase = reply.PhaseConnect
	who := subject{source: source}
	answer, refused := r.outOfService(now, phase, host, who)
	if !refused {
		answer, refused = r.tooManyLanes(who)
	}
	if !refused {
		answer, refused = r.admit(now, phase, who)
	}
	if !refused {
		answer, refused = r.noise(phase, who)
	}
	if refused && !answer.Hang {
		answer.Close = true
		return answer, 0
	}
	r.lastID++
	r.conns[r.lastID] = &conn{who: who, host: host}
	r.bySource[source]++
	if refused {
		return answer, r.lastID
	}
	return r.yes(yesConnect), r.lastID
}

// Mail answers MAIL FROM. A message under way on the connection is given up.
func (r *Receiver) Mail(now time.Time, id ConnID, from string) Answer {
	const phase = reply.PhaseMail
	c := r.conns[id]
	if c == nil {
		return gone(phase)
	}
	c.mail, c.data, c.accepted = false, false, 0
	c.who.from, c.who.recipient = from, ""
	answer, refused := r.outOfService(now, phase, c.host, c.who)
	if !refused {
		answer, refused = r.sessionOver(c)
	}
	if !refused {
		answer, refused = r.admit(now, phase, c.who)
	}
	if !refused {
		answer, refused = r.noise(phase, c.who)
	}
	if !refused {
		c.mail = true
		c.messages++
		answer = r.yes(yesMail)
	}
	return r.settle(id, answer)
}

// Rcpt answers RCPT TO.
func (r *Receiver) Rcpt(now time.Time, id ConnID, recipient string) Answer {
	const phase = reply.PhaseRcpt
	c := r.conns[id]
	if c == nil {
		return gone(phase)
	}
	c.who.recipient = recipient
	if !c.mail {
		return r.outOfOrder(phase, c.who)
	}
	answer, refused := r.outOfService(now, phase, c.host, c.who)
	if !refused {
		answer, refused = r.tooManyInSession(c)
	}
	if !refused {
		answer, refused = r.mailbox(now, c)
	}
	if !refused {
		answer, refused = r.firstContact(now, c.who)
	}
	if !refused {
		answer, refused = r.admit(now, phase, c.who)
	}
	if !refused {
		answer, refused = r.noise(phase, c.who)
	}
	if !refused {
		c.accepted++
		answer = r.yes(yesRcpt)
	}
	return r.settle(id, answer)
}

// Data answers DATA, before the message: 354 or a refusal.
func (r *Receiver) Data(now time.Time, id ConnID) Answer {
	const phase = reply.PhaseData
	c := r.conns[id]
	if c == nil {
		return gone(phase)
	}
	if c.accepted == 0 {
		return r.outOfOrder(phase, c.who)
	}
	answer, refused := r.outOfService(now, phase, c.host, c.who)
	if !refused {
		answer, refused = r.admit(now, phase, c.who)
	}
	if !refused {
		answer, refused = r.noise(phase, c.who)
	}
	if !refused {
		c.data = true
		answer = r.yes(yesData)
	}
	return r.settle(id, answer)
}

// Dot answers the final dot of a message of size bytes. The message is
// accepted if and only if the code is 250.
func (r *Receiver) Dot(now time.Time, id ConnID, size int) Answer {
	const phase = reply.PhaseDot
	c := r.conns[id]
	if c == nil {
		return gone(phase)
	}
	if !c.data {
		return r.outOfOrder(phase, c.who)
	}
	c.mail, c.data, c.accepted = false, false, 0
	answer, refused := r.outOfService(now, phase, c.host, c.who)
	if !refused {
		answer, refused = r.oversize(size, c.who)
	}
	if !refused {
		answer, refused = r.admit(now, phase, c.who)
	}
	if !refused {
		answer, refused = r.noise(phase, c.who)
	}
	if !refused {
		answer = r.yes(yesDot)
		r.countAcceptance(now, c.who)
	}
	if s := r.spec.Session; s.Silent && s.Messages > 0 && c.messages >= s.Messages {
		answer.Close = true
	}
	return r.settle(id, answer)
}

// Close ends a connection from the client's side. Closing one that is over
// already does nothing.
func (r *Receiver) Close(_ time.Time, id ConnID) { r.drop(id) }

// Open returns how many connections are open, from all sources.
func (r *Receiver) Open() int { return len(r.conns) }

// Limit returns the hidden limit now, in messages per second: the lowest of the
// limits on messages and recipients, 0 while an outage concerns every host and
// every command, +Inf when there is no limit. A limit that trust changes
// is that of the source that was heard last. Penalty boxes, lanes and latency
// are left out: they answer what the sender does.
func (r *Receiver) Limit(now time.Time) float64 {
	for _, o := range r.outages {
		if on, _ := o.on(now); on && len(o.spec.Hosts) == 0 && o.share == 1 {
			return 0
		}
	}
	limit := math.Inf(1)
	for _, l := range r.limiters {
		if l.spec.Counts != Connections && l.spec.Per != PerRecipient {
			limit = min(limit, l.rate(now))
		}
	}
	return limit
}

// settle ends the connection if the answer does.
func (r *Receiver) settle(id ConnID, a Answer) Answer {
	if a.Close {
		r.drop(id)
	}
	return a
}

func (r *Receiver) drop(id ConnID) {
	c := r.conns[id]
	if c == nil {
		return
	}
	delete(r.conns, id)
	if r.bySource[c.who.source]--; r.bySource[c.who.source] == 0 {
		delete(r.bySource, c.who.source)
	}
}

// gone answers a command on a connection that is over.
func gone(phase reply.Phase) Answer {
	return Answer{Reply: reply.Reply{Phase: phase}, Close: true, Cause: CauseProtocol}
}
