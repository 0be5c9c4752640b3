package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

const (
	// horizon is how far ahead permits are taken, and so how much mail a
	// pause, a cancel or a suppression can meet at most.
	horizon = 750 * time.Millisecond
	// saveEvery is the longest time that what was learned by the way (replies
	// of single recipients, how long messages take) stays out of the database.
	saveEvery = 10 * time.Second
	// pendingMost bounds what is kept for that time.
	pendingMost = 2000
	// settleTime is how long a server must have been up before permits are
	// granted. Rounds that it forgot in a crash granted slots up to a horizon
	// ahead; the quarter of a second is for bursts, which begin in the past.
	settleTime = horizon + 250*time.Millisecond
)

// envelope is the pacing state of the source, or of one sending domain, at a
// provider, as this node knows it.
type envelope struct {
	domain  string        // empty for the source's own
	version int64         // of the row that state was read from; 0: none
	state   *pacing.State // nil: packed, or not known yet; it is never changed, only replaced
	packed  []byte        // state, encoded
	shared  shared        // as of the last round
	pace    pacing.Pace
	// pending was handed in and is not in the written state yet. Acceptances
	// are not in it: the row counts them.
	pending []pacing.Event
	saved   time.Time // when nothing was pending last

	permits purse
	firsts  purse          // permits for first attempts, where the provider greylists
	unused  []pacing.Block // permits that lapsed, to be handed back
}

// pack makes the state small, a fifth of what it takes, until it is needed again.
// With thousands of providers most of what a node holds would be states of those
// at which it waits for its turn.
func (e *envelope) pack() {
	if e.state != nil {
		e.packed, e.state = encoded(*e.state), nil
	}
}

// known returns the state, nil when there is none yet.
func (e *envelope) known() (*pacing.State, error) {
	if e.state != nil || e.packed == nil {
		return e.state, nil
	}
	s := new(pacing.State)
	return s, json.Unmarshal(e.packed, s)
}

// drop takes the permits that are over out of the hands of lanes.
func (e *envelope) drop(now time.Time) {
	e.unused = append(e.unused, e.permits.drop(e.pace.Version, now)...)
	e.firsts.drop(e.pace.Version, now)
}

// intake is what a node brings to one round of an envelope.
type intake struct {
	node    int64
	now     time.Time
	profile pacing.Profile
	events  []pacing.Event
	waiting int // messages due
	untried int // of which none was tried before
	claim   claim
	sending bool // lanes run that can use permits
	opener  bool // a connection waits for its turn to be opened
	inHand  int
	firsts  int            // permits for first attempts in hand
	unused  []pacing.Block // to hand back
	again   bool           // the last round failed: the server may have forgotten some
}

// outlook is what a round makes of an envelope. It takes effect when the
// round is committed.
type outlook struct {
	envelope      // permits apart
	granted       pacing.Block
	first         pacing.Block
	decisions     []pacing.Decision
	lanes         int // connections that this node may have
	opening       int
	openAt        time.Time // when one more may be opened; zero: none was booked
	more          bool      // all that was wanted was granted: there may be more
	durable       bool
	change        postgres.PaceChange
	versionBefore int
}

// meet is one round: what others did and what happened here goes through the
// controller, and permits, lanes and openings are taken.
func (e *envelope) meet(row postgres.PaceRow, in intake) (*outlook, error) {
	o := &outlook{envelope: *e}
	o.state, o.packed = new(pacing.State), nil // of its own: the round may fail
	catchUp, err := o.catchUp(e, row, in.now)
	if err != nil {
		return nil, err
	}
	o.state.Profile.WarmUp = in.profile.WarmUp
	before := lessonOf(o.state, in.now)
	o.versionBefore = before.version
	*o.state, o.decisions = pacing.Step(*o.state, append(catchUp, in.events...), in.now)
	for _, b := range in.unused {
		*o.state = pacing.Return(*o.state, b, in.now)
	}
	for _, event := range in.events {
		if event.Kind == pacing.Accepted && !event.Probe {
			o.shared.pass(event.At, max(event.Count, 1))
		} else {
			o.pending = append(o.pending[:len(o.pending):len(o.pending)], event)
		}
	}
	o.seat(in)
	if in.sending && (o.domain != "" || o.lanes > 0) && row.Up >= settleTime.Seconds() && !in.again {
		o.take(in)
	}
	o.write(row, in, before != lessonOf(o.state, in.now))
	return o, nil
}

// catchUp reads what other nodes wrote and returns what it does not contain.
func (o *outlook) catchUp(e *envelope, row postgres.PaceRow, now time.Time) ([]pacing.Event, error) {
	there, err := parseShared(row.Shared)
	if err != nil {
		return nil, fmt.Errorf("what nodes share: %w", err)
	}
	o.shared = there
	before, err := e.known()
	if err != nil {
		return nil, fmt.Errorf("packed pace: %w", err)
	}
	var known pacing.Slots
	if before != nil {
		known = before.Slots()
	}
	if row.State == nil && before != nil {
		*o.state = before.AtSlots(slotsOf(row, known))
		return there.since(e.shared, e.pace.Latency), nil
	}
	if err := json.Unmarshal(row.State, o.state); err != nil {
		return nil, fmt.Errorf("stored pace: %w", err)
	}
	o.version = row.Version
	slots, written := o.state.Slots(), slotsOf(row, o.state.Slots())
	if e.version != 0 && e.pace.Version == row.PermitVersion {
		written = later(written, known) // also when the server forgot a round
	}
	if o.state.Version != row.PermitVersion {
		// A person changed the pace: permits cut before have lapsed, and what
		// was used of them lies in the past.
		written = pacing.Slots{Next: earliest(written.Next, now), First: earliest(written.First, now)}
	}
	*o.state = o.state.AtSlots(later(slots, written))
	events := there.since(shared{}, max(e.pace.Latency, 50*time.Millisecond))
	if len(o.pending) == 0 {
		o.saved = time.Time{}
	}
	return append(events, o.pending...), nil
}

// later is the later of two positions of each stream.
func later(a, b pacing.Slots) pacing.Slots {
	if b.Next.After(a.Next) {
		a.Next = b.Next
	}
	if b.First.After(a.First) {
		a.First = b.First
	}
	return a
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// seat claims lanes and, where openings must keep a gap, the time of one.
func (o *outlook) seat(in intake) {
	open, _ := o.shared.others(in.node)
	o.pace = o.state.Pace(in.now, pacing.Demand{Waiting: in.waiting, Open: open + in.claim.used})
	if o.domain != "" {
		return
	}
	limit := max(o.pace.Lanes, 1) // a hold's knock needs one, and it is given to one node
	o.lanes, o.opening = o.shared.renew(in.node, in.claim, limit, max(o.pace.MaxOpening, 1), seconds(in.now))
	if in.opener && o.pace.OpenGap > 0 {
		o.openAt = o.shared.open(in.now, o.pace.OpenAfter, o.pace.OpenGap)
	}
}

// take takes this node's part of the permits of the next horizon.
func (o *outlook) take(in intake) {
	share := 1.0
	if o.domain == "" {
		share = o.shared.share(in.node, seconds(in.now))
	}
	most := chunkLimit * 16
	if share < 1 {
		most = max(int(share*o.pace.Rate*horizon.Seconds()+0.999), 1)
	}
	if want := min(in.waiting, most) - in.inHand; want > 0 {
		*o.state, o.granted = pacing.Take(*o.state, want, in.now, horizon)
		o.more = share == 1 && o.granted.N == want
	}
	if !o.pace.Greylists || o.domain != "" {
		return
	}
	if want := min(in.untried, most) - in.firsts; want > 0 {
		*o.state, o.first = pacing.TakeFirst(*o.state, want, in.now, horizon)
	}
}

// write decides what is stored. The hot columns are, always; what was learned
// only when there is something to learn from it.
func (o *outlook) write(row postgres.PaceRow, in intake, learned bool) {
	slots := o.state.Slots()
	o.pace = o.state.Pace(in.now, pacing.Demand{Waiting: in.waiting, Open: in.claim.used})
	learned = learned || len(o.decisions) > 0 || o.granted.Probe || slices.ContainsFunc(in.events, weighty) ||
		slices.ContainsFunc(in.unused, func(b pacing.Block) bool { return b.Probe })
	// A lone permit that were granted twice would be a message too many; of
	// many a second, settleTime takes care.
	o.durable = learned || o.granted.N > 0 && o.granted.Interval > horizon
	if o.saved.IsZero() {
		o.saved = in.now
	}
	overdue := in.now.Sub(o.saved) >= saveEvery || len(o.pending) >= pendingMost
	if overdue && len(o.pending) == 0 && len(o.shared.Passed) == 0 {
		o.saved, overdue = in.now, false
	}
	o.change = postgres.PaceChange{Provider: row.Provider, Domain: row.Domain,
		Slot: stamp(slots.Next), FirstSlot: stamp(slots.First), PermitVersion: o.state.Version,
		Rate: o.pace.Rate, Mode: o.pace.Mode, HoldUntil: o.pace.HoldUntil, Lanes: o.pace.Lanes, Demand: in.waiting,
		Events: paceEvents(o.domain, o.decisions)}
	if learned || overdue {
		o.shared.From, o.shared.Passed = 0, nil
		o.pending, o.saved = nil, in.now
		o.version = row.Version + 1
		o.change.State = encoded(*o.state)
	}
	o.change.Shared, _ = json.Marshal(o.shared)
}

// stamp is a slot as the row holds it.
func stamp(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	at := seconds(t)
	return &at
}

// slotsOf reads the slots of a row; those that it does not have are as known.
func slotsOf(row postgres.PaceRow, known pacing.Slots) pacing.Slots {
	if row.Slot != nil {
		known.Next = unix(*row.Slot)
	}
	if row.FirstSlot != nil {
		known.First = unix(*row.FirstSlot)
	}
	return known
}

// lesson is what must not be lost: a state is written when it changes.
type lesson struct {
	version, perLane int
	lo, hi           float64
	mode             string
	gap, retry       time.Duration
	greylists        bool
	avoid            int
	probing, manual  bool
}

func lessonOf(s *pacing.State, now time.Time) lesson {
	p := s.Pace(now, pacing.Demand{Waiting: 1})
	return lesson{version: p.Version, perLane: p.PerLane, lo: p.Lo, hi: p.Hi, mode: p.Mode, gap: p.OpenGap,
		retry: p.RetryAfter, greylists: p.Greylists, avoid: len(p.Avoid), probing: p.Probing, manual: p.Manual}
}

// weighty reports whether an event may have taught something that no decision
// speaks of.
func weighty(e pacing.Event) bool {
	return e.Kind == pacing.OpenRefused || e.Probe || e.Kind == pacing.Refused && slowing(e.Meaning)
}

// paceEvents are decisions as they are stored; those about a sending domain say so.
func paceEvents(domain string, decisions []pacing.Decision) []postgres.PaceEvent {
	events := make([]postgres.PaceEvent, len(decisions))
	for i, d := range decisions {
		if domain != "" {
			d.Kind, d.Reason = "domain "+d.Kind, "mail from "+domain+" only: "+d.Reason
		}
		events[i] = postgres.PaceEvent{At: d.At, Kind: string(d.Kind), Was: d.Was, Now: d.Now,
			Reason: d.Reason, Reply: d.Reply}
		if !d.Until.IsZero() {
			events[i].Until = &d.Until
		}
	}
	return events
}
