package pacing

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// turn is one call of Step at work: the state under change, the moment, and
// what was decided so far.
type turn struct {
	*State
	now  moment // the event's moment while one is taken in, else the call's
	call moment // the call's moment

	// The decisions stand behind a pointer of their own, so that the state
	// itself stays on the stack of whoever opened the turn.
	decisions *[]Decision
}

// Step takes in what happened and returns the new state and what was decided.
//
// Events may come late, in batches and out of order; they are sorted by their
// time. Events from the future count as now. Step also advances what hangs on
// time alone, so it should be called about twice a second while mail flows,
// and may be called with no events at all.
//
// Step is a pure function: the same state, events and time give the same
// result, and the state passed in is not changed.
func Step(s State, events []Event, now time.Time) (State, []Decision) {
	var decisions []Decision
	t := begin(&s, now, &decisions)
	if s.Clock != 0 {
		t.age(t.call.since(s.Clock))
	}
	if t.Said.Kind == "" {
		t.decide(Started, 0, t.Rate.R, "first messages to this provider: starting at "+pace(t.Rate.R)+", doubling while nothing is refused")
	}
	for _, e := range inOrder(events) {
		t.now = min(max(momentOf(e.At), t.Clock), t.call)
		t.pass()
		t.warmed(e)
		t.take(e)
	}
	t.now = t.call
	t.pass()
	t.Clock = t.now
	return s, decisions
}

// begin opens a turn at the later of now and the state's own clock: a clock
// that jumped back by less than a minute is waited for, one that jumped
// further is believed.
func begin(s *State, now time.Time, decisions *[]Decision) turn {
	at := momentOf(now)
	if s.Clock > at && s.Clock.since(at) < 60 {
		at = s.Clock
	}
	if at < s.Clock {
		s.rewind(at)
	}
	return turn{State: s, now: at, call: at, decisions: decisions}
}

// rewind makes the state at home in a clock that was set back: running
// intervals begin anew; hold deadlines stay within what they were away.
func (s *State) rewind(at moment) {
	back := moment(s.Clock.since(at))
	s.Clock = at
	s.Rate.Since, s.Rate.Sent, s.Rate.Empty = at, 0, emptied{}
	s.Offer.Since, s.Offer.Heard = at, 0
	s.Permits.Next = min(s.Permits.Next, at)
	for _, m := range []*moment{&s.Rate.Next, &s.Budget.Earned, &s.Episode.At, &s.Episode.Until, &s.Episode.First,
		&s.Hold.Since, &s.Hold.Next, &s.Hold.Refused, &s.Hold.Asked, &s.Lanes.Next, &s.Opening.Next} {
		if *m > at {
			*m -= min(back, *m)
		}
	}
}

// pass advances what hangs on time alone.
func (t *turn) pass() {
	t.Budget.pass(t.now)
	t.runWindows()
	t.runWarmup()
	t.runOffer()
	if !t.held() {
		t.look()
	}
}

// take takes in one event.
func (t *turn) take(e Event) {
	switch e.Kind {
	case Accepted:
		t.Offer.Heard += e.count()
		t.accepted(e)
	case Refused:
		t.Offer.Heard++
		t.refused(e)
	case Opened:
		t.opened(e)
	case OpenRefused:
		t.openRefused(e)
	case Closed, Complained:
		// Lanes are counted by whoever owns them; neither says anything about pace.
	}
}

func (t *turn) accepted(e Event) {
	n, launched := e.count(), e.launched()
	t.Total += n
	t.History.add(min(momentOf(e.At), t.call), n)
	t.Latency.observe(launched, momentOf(e.At), t.call, n)
	t.Budget.accepted(n)
	t.Windows.accepted(momentOf(e.At), n)
	t.Lanes.Open = e.Lanes
	if e.Lanes > 0 { // acceptances that another node tells of do not say
		t.Lanes.seen(momentOf(e.At), e.Lanes)
	}
	t.sent(launched, n)
	if t.Hold.Run == 0 {
		t.Hold.Run = t.now
	}
	knock := t.held() && t.answersKnock(e)
	t.Recipients.accepted(e, knock)
	if t.held() {
		if knock {
			t.release(e)
		}
		return
	}
	t.Noise.accepted(n)
	t.Trouble.accepted(n)
	t.hostTook(e.Host, n)
	if !t.Episode.owns(launched) {
		t.Episode.Clean += n
		t.Episode.Strike = 0
	}
}

// sent counts messages of the running epoch.
func (t *turn) sent(launched moment, n float64) {
	if launched >= t.Rate.Since {
		t.Rate.Sent += n
	}
}

// refused sorts a refused message by whose trouble it is. Only trouble of
// the source moves the rate.
func (t *turn) refused(e Event) {
	was := e.Meaning.Class
	if e.Meaning.Class = t.infer(e); e.Meaning.Class == reply.ClassUnknown || e.Meaning.Class != was && aside(was) {
		e.Meaning.Scope = "" // it takes words to tell whose trouble it is
	}
	if e.Meaning.Class != reply.ClassGreylist || t.Recipients.Counted {
		t.sent(e.launched(), 1)
	}
	if e.Phase == reply.PhaseRcpt && aside(e.Meaning.Class) {
		t.putOff(e)
	}
	switch e.Meaning.Class {
	case reply.ClassMailbox, reply.ClassGreylist, reply.ClassRecipients:
		if e.Meaning.Class == reply.ClassGreylist {
			t.Recipients.greylisted(e)
		}
		if t.held() && t.answersKnock(e) {
			t.release(e) // they talk to us again; this recipient is another matter
		}
	case reply.ClassDNS, reply.ClassContent, reply.ClassPolicy:
		t.knockAgain(e)
	case reply.ClassSession:
		t.Budget.spend(1)
		t.laneEnded(e)
		t.knockAgain(e)
	default:
		if narrow(e.Meaning) {
			t.knockAgain(e)
			return
		}
		t.throttled(e)
	}
}

// putOff takes in a recipient who was refused or put off behind a limit: the limit
// let the message pass.
func (t *turn) putOff(e Event) {
	t.Recipients.PutOff++
	if !t.Recipients.Counted || t.held() {
		return
	}
	at := min(momentOf(e.At), t.call)
	t.History.add(at, 1)
	t.Windows.accepted(at, 1)
	t.Noise.accepted(1)
	if t.Hold.Run == 0 {
		t.Hold.Run = t.now
	}
	if !t.Episode.owns(e.launched()) {
		t.Episode.Clean++
		t.Episode.Strike = 0
	}
}

// narrow says whether a refusal concerns less than the source.
func narrow(m reply.Meaning) bool {
	switch m.Scope {
	case reply.ScopeRecipient, reply.ScopeTransaction, reply.ScopeCampaign,
		reply.ScopeRecipientDomain, reply.ScopeSendingDomain:
		return true
	}
	return false
}

// throttled takes in a refusal that concerns the source as a whole.
func (t *turn) throttled(e Event) {
	if t.held() {
		t.Budget.spend(1)
		if t.answersKnock(e) {
			t.knockRefused(e)
		}
		return
	}
	if t.Episode.owns(e.launched()) {
		t.Budget.spend(1)
		return
	}
	if t.hostRefused(e) {
		t.Budget.spend(1)
		return
	}
	if t.theirTrouble(e) {
		return
	}
	switch e.Meaning.Class {
	case reply.ClassConcurrency:
		if e.Lanes > 1 {
			t.crowded(e)
			return
		}
	case reply.ClassConnRate:
		t.openingsRefused(e)
		return
	}
	if t.stray(e) {
		return
	}
	t.Budget.spend(1)
	t.newEpisode(e)
}

// newEpisode begins an episode: a pause and a measurement, or a hold when
// nothing passes any more or the server told us to stay away.
func (t *turn) newEpisode(e Event) {
	hint := e.Meaning.Hint.Seconds()
	if t.Episode.At == 0 || t.now.since(t.Episode.At) > 240 {
		t.Episode.Stray = t.has(Unprovoked) && t.unprovoked()
	}
	t.Recipients.Counted = beforeRecipients(e.Phase)
	early := t.Rate.Mode == starting
	pause := t.Episode.begin(t.call, t.Rate.R, hint)
	if t.Episode.Strike == 1 {
		t.Episode.Early = early
	}
	t.Version++
	t.Comeback = comeback{}
	if t.windowMet(e) || t.slidingMet(e) {
		return
	}
	if t.Episode.Strike >= 2 || hint >= longHint || holdsAtOnce(e.Meaning.Class) || down(e.Meaning.Class) && t.Trouble.down() {
		t.hold(e)
		return
	}
	t.limited(e, pause)
	t.Rate.Since = max(t.Rate.Since, t.Episode.Until)
}

// decide notes a decision that no reply caused.
func (t *turn) decide(kind DecisionKind, was, now float64, reason string) {
	t.say(kind, was, now, Event{}, reason)
}

// say notes a decision and keeps it as the one that pages show.
func (t *turn) say(kind DecisionKind, was, now float64, cause Event, reason string) {
	d := Decision{At: t.now.Time(), Kind: kind, Was: was, Now: now, Reason: reason, Reply: cause.Reply}
	switch {
	case t.held():
		d.Until = t.Hold.Next.Time()
	case kind == Measured && t.Rate.Next > t.now:
		d.Until = t.Rate.Next.Time()
	}
	t.Said = said{At: t.now, Kind: kind, Reason: shorten(reason, 320), Reply: shorten(cause.Reply, 320)}
	*t.decisions = append(*t.decisions, d)
}

// shorten keeps stored words within the size that a state may have.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}
