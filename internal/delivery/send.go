package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// deliver takes one claimed delivery through composing, waiting for its permit
// and sending, and records what came of it. goOn is false when the rest of the
// claim should be given back; used is false when this delivery was not attempted
// and should be given back, too. failed says that no connection could be opened.
func (l *lane) deliver(ctx context.Context, p permit, i int, d postgres.Claimed, claimedAt time.Time,
	failed *smtpout.Failure) (goOn, used bool) {

	camp, sending := l.engine.watch.sending(d.Campaign)
	if !sending || l.engine.stopping(ctx) {
		return false, false
	}
	if failed != nil {
		l.openingFailed(p, d, camp.Settings, failed)
		return false, true
	}
	if !l.usable(ctx, d.Domain, encryption(camp.Settings)) {
		l.narrow = l.narrow || l.conn != nil && !l.conn.Closed() && l.conn.Messages() < l.conn.carries()
		return false, false
	}
	composing := time.Now()
	scratch := signed.Get().(*[]byte)
	defer signed.Put(scratch)
	message, envelope, err := l.compose(ctx, camp.letter, (*scratch)[:0], d)
	if err != nil && ctx.Err() != nil { // it was our end that came first: the message is as good as before
		return false, false
	}
	if err != nil {
		l.uncomposable(d, camp.Settings, err)
		return true, true
	}
	*scratch = message
	composed := time.Since(composing)
	if !l.wait(ctx, p.at(i)) || !p.valid(i, l.engine.clock.now()) {
		return false, false
	}
	// The last look before the message is on its way.
	if _, sending := l.engine.watch.sending(d.Campaign); !sending || l.engine.stopping(ctx) {
		return false, false
	}
	if l.engine.watch.mayHaveLeft(d, claimedAt) {
		return false, false // a new claim looks closer
	}
	l.last = d.Domain
	if l.ahead != nil {
		l.ahead()
	}
	var said *smtpout.Conversation
	if camp.letter.own && l.engine.overheard != nil {
		envelope.Told = func(c smtpout.Conversation) { said = &c }
	}
	began := time.Now()
	outcome := l.conn.Send(l.engine.hard, envelope, message)
	if outcome.Unsent {
		l.dropConnection()
		l.report(p, pacing.Event{Kind: pacing.Closed, At: l.engine.clock.now()}, outcome.Reply, reply.Meaning{})
		return false, false
	}
	goOn = l.sent(p, d, camp.Settings, outcome)
	l.took = time.Since(began)
	l.cycle = composed + l.took
	if said != nil {
		l.engine.overheard(d.Campaign, *said)
	}
	return goOn, true
}

// compose makes the message of a delivery, for the connection that it goes over.
func (l *lane) compose(ctx context.Context, letter *letter, buffer []byte, d postgres.Claimed) ([]byte, smtpout.Envelope, error) {
	l.engine.admission.begin(l.coming)
	defer l.engine.admission.end()
	l.coming = false
	return letter.address(ctx, buffer, d, l.conn.Info().Signs, l.engine.clock.now())
}

// errNoPlace says that no connection may be opened now.
var errNoPlace = errors.New("no connection may be opened now")

// encryption is the least that a campaign's mail goes out under.
func encryption(s campaign.Settings) smtpout.TLSMode {
	switch s.TLS {
	case campaign.TLSRequired:
		return smtpout.TLSRequired
	case campaign.TLSVerified:
		return smtpout.TLSVerified
	}
	return smtpout.TLSOpportunistic
}

// connect makes sure that the lane has a connection that serves the domain. Its
// error is errNoPlace, or a *smtpout.Failure.
func (l *lane) connect(ctx context.Context, domain string, least smtpout.TLSMode) error {
	for {
		if l.conn == nil {
			l.conn = l.engine.parking.take(l.gate)
		}
		if l.conn == nil {
			break
		}
		if l.usable(ctx, domain, least) {
			return nil
		}
		l.dropConnection() // parked ones that are of no use hold places, too
	}
	for !l.engine.places.TryAcquire(1) {
		if !l.engine.parking.yield() {
			return errNoPlace
		}
	}
	opening := l.gate.mayOpen(ctx, openWithin)
	if opening == nil {
		l.engine.places.Release(1)
		return errNoPlace
	}
	began := l.engine.clock.now()
	session, err := l.engine.dialer.Dial(ctx, domain, least, l.gate.avoid()...)
	opening.end(err == nil)
	if err != nil {
		l.engine.places.Release(1)
		if ctx.Err() != nil {
			return errNoPlace
		}
		return err
	}
	l.conn = &connection{Session: session, gate: l.gate, place: l.engine.places}
	l.gate.report(happening{Event: pacing.Event{Kind: pacing.Opened, At: l.engine.clock.now(), Launched: began, Host: session.Host()}})
	return nil
}

func (l *lane) usable(ctx context.Context, domain string, least smtpout.TLSMode) bool {
	if l.conn == nil || l.conn.Closed() || l.conn.Messages() >= l.conn.carries() {
		return false
	}
	return l.engine.dialer.Serves(ctx, l.conn.Session, domain, least)
}

func (l *lane) dropConnection() {
	if l.conn != nil {
		l.conn.end()
		l.conn = nil
	}
}

// openingFailed records a failed opening as an attempt of the delivery that it
// was made for.
func (l *lane) openingFailed(p permit, d postgres.Claimed, settings campaign.Settings, failure *smtpout.Failure) {
	meaning := l.engine.rules.Classify(l.gate.provider.Key, failure.Reply)
	meaning.Temporary = meaning.Temporary || !failure.Permanent
	now := l.engine.clock.now()
	if !errors.Is(failure, smtpout.ErrNoTLS) { // that a campaign asks for more than it has is no trouble of the provider's
		l.report(p, pacing.Event{Kind: pacing.OpenRefused, At: now, Host: failure.Host}, failure.Reply, meaning)
	}
	o := l.attempt(d, now)
	o.Host, o.Reply, o.Meaning = failure.Host, failure.Reply, meaning
	l.decide(&o, settings, false, d.Doubted)
	l.record(o)
}

// sent records what a transaction came to and tells the gate. It returns
// whether the lane should go on with its claim.
func (l *lane) sent(p permit, d postgres.Claimed, settings campaign.Settings, out smtpout.Outcome) bool {
	now := l.engine.clock.now()
	o := l.attempt(d, now)
	o.Host, o.Reply, o.Took, o.TLS, o.InDoubt = l.conn.Host(), out.Reply, out.Took, out.TLS != "", out.InDoubt
	if facts := l.conn.Info().TLS; facts.Version != "" {
		o.Encryption = postgres.Encryption{Version: facts.Version, Cipher: facts.Cipher, Subject: facts.Subject, Verified: facts.Verified}
	}
	index := l.conn.Messages()
	event := pacing.Event{Kind: pacing.Accepted, At: now, Launched: now.Add(-out.Took), Host: o.Host, Index: index,
		First: d.Attempts == 0, Age: now.Sub(o.First), Severed: out.Closed}
	if d.Doubted { // perhaps they have heard of this recipient before, perhaps not: who is taken says nothing of others
		event.First, event.Age = !out.Accepted, 0
	}
	if !out.Accepted {
		o.Meaning = l.engine.rules.Classify(l.gate.provider.Key, out.Reply)
		event.Kind = pacing.Refused
	}
	if !out.Local {
		l.report(p, event, out.Reply, o.Meaning)
	}
	l.decide(&o, settings, out.Accepted, d.Doubted)
	recorded := l.record(o)
	if out.Closed {
		l.dropConnection()
		l.report(p, pacing.Event{Kind: pacing.Closed, At: now, Host: o.Host, Index: index}, reply.Reply{}, reply.Meaning{})
	}
	return recorded && (out.Accepted || !slowing(o.Meaning)) && !l.content(o, out.Accepted)
}

// uncomposable ends a delivery whose message cannot be made: no server can
// help, and the reason stands where a reply would.
func (l *lane) uncomposable(d postgres.Claimed, settings campaign.Settings, err error) {
	o := l.attempt(d, l.engine.clock.now())
	o.Reply = reply.Reply{Phase: reply.PhaseData, Lines: []string{err.Error()}}
	o.Meaning = reply.Meaning{Class: reply.ClassContent, Bounce: reply.BounceContentOther,
		Scope: reply.ScopeTransaction, Rule: "uncomposable"}
	l.decide(&o, settings, false, d.Doubted)
	l.record(o)
}

// attempt begins the outcome of a delivery that was attempted.
func (l *lane) attempt(d postgres.Claimed, now time.Time) postgres.Outcome {
	o := postgres.Outcome{
		Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.DomainID,
		Provider: l.gate.provider.ID, Node: l.engine.node,
		From: d.State, Number: d.Attempts + 1, First: now, At: now,
	}
	if d.FirstAttempt != nil {
		o.First = *d.FirstAttempt
	}
	return o
}

// decide fills in what becomes of the delivery, and of its address.
func (l *lane) decide(o *postgres.Outcome, settings campaign.Settings, accepted, doubted bool) {
	meaning := o.Meaning
	if delay := l.gate.greylists(); delay > 0 && meaning.Hint == 0 && putOff(o) && delay < settings.Retry.Greylisted.Std() {
		meaning.Hint = delay // learned here: earlier than the schedule would have it
	}
	decision := settings.Decide(campaign.Attempt{Number: o.Number, First: o.First, Accepted: accepted,
		InDoubt: o.InDoubt, Doubted: doubted, Meaning: meaning}, o.At, spread())
	o.To, o.Due = decision.State, decision.Due
	o.Address = bounce.Costs(o.Meaning, o.Reply.Phase, o.To == campaign.Bounced, o.To == campaign.Expired)
}

// putOff reports whether a recipient was put off as greylisting does, in words
// or, where a provider is known to greylist, by a refused RCPT.
func putOff(o *postgres.Outcome) bool {
	return o.Meaning.Class == reply.ClassGreylist ||
		o.Meaning.Class == reply.ClassUnknown && o.Meaning.Temporary && o.Reply.Phase == reply.PhaseRcpt
}

// record makes an outcome durable. It returns false when the process ends first.
func (l *lane) record(o postgres.Outcome) bool {
	if l.engine.admission.record(func() error { return l.engine.writer.record(o) }) != nil {
		l.unrecorded = true
		return false
	}
	observeOutcome(o)
	return true
}

func (l *lane) report(p permit, e pacing.Event, r reply.Reply, m reply.Meaning) {
	e.Meaning, e.Phase, e.Code, e.Probe = m, r.Phase, r.Code, p.block.Probe
	if r.Code != 0 || len(r.Lines) > 0 {
		e.Reply = r.String()
	}
	l.gate.report(happening{Event: e, domain: p.sender, knock: p.second.Probe})
}

// wait sleeps until the permit's time. It returns false when the lane must end.
func (l *lane) wait(ctx context.Context, until time.Time) bool {
	pause := until.Sub(l.engine.clock.now())
	if pause <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-l.engine.drain:
		return false
	}
}
