package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

const (
	// roundEvery is how often feedback is exchanged for permits. News of
	// throttling must not be older than half a second (docs/PACING.md); a
	// refusal does not even wait for that.
	roundEvery = 400 * time.Millisecond
	// roundPause is the least time between two rounds, so that a lane that
	// asks for permits where there are none does not ask in a circle.
	roundPause = 10 * time.Millisecond
	// roundPauseCrowded is the same where lanes wait for the processors: each that is
	// let in asks for fresh permits, and a round costs as much for one as for ten.
	roundPauseCrowded = 100 * time.Millisecond
	// roundWithin bounds one round, so that a hanging database is noticed.
	roundWithin = 5 * time.Second
	// lastRoundWithin bounds the exchange at the end.
	lastRoundWithin = 2 * time.Second
)

// broker exchanges, for all providers of a node at once, what happened for
// permits, lanes and openings. There is one per node; the rows that it locks are
// where the brokers of all nodes take turns (docs/decisions/pacing-broker.md).
type broker struct {
	store  *postgres.Store
	source int64
	node   int64
	log    *slog.Logger
	wake   chan struct{}
	now    func() time.Time
	scarce func() bool                                                                             // lanes wait for the processors
	held   func(ctx context.Context, domain string, provider postgres.Provider, d pacing.Decision) // tells campaigns

	mu    sync.Mutex
	gates map[int64]*gate // guarded by mu; by provider

	rounds sync.Mutex // held during a round
	server time.Time  // guarded by rounds; when the server that versions were read from was started
	failed bool       // guarded by rounds; the last round was not committed
}

// ask wants a round soon.
func (b *broker) ask() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run makes rounds until ctx ends: about twice a second while lanes run, and at
// once after a refusal.
func (b *broker) run(ctx context.Context) {
	ticker := time.NewTicker(roundEvery)
	defer ticker.Stop()
	for told, everybody := false, false; ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.Background(), lastRoundWithin)
			defer cancel()
			if err := b.round(last, true); err != nil {
				b.log.Warn("what was learned last is lost", "error", err)
			}
			return
		case <-b.wake:
			everybody = false
		case <-ticker.C:
			everybody = true
		}
		err := b.round(ctx, everybody)
		if err != nil && ctx.Err() == nil && !told {
			b.log.Warn("paces cannot be exchanged; nothing is sent without permits", "error", err)
		}
		told = err != nil
		pause := roundPause
		switch {
		case err != nil:
			pause = roundEvery
		case b.scarce():
			pause = roundPauseCrowded
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// round is one exchange for all gates that have something to exchange. One that
// some of them asked for leaves out those that had theirs a moment ago.
func (b *broker) round(ctx context.Context, everybody bool) error {
	b.rounds.Lock()
	defer b.rounds.Unlock()
	ctx, cancel := context.WithTimeout(ctx, roundWithin)
	defer cancel()
	begun := b.now()
	meetings, asks := b.gather(begun, everybody)
	if len(meetings) == 0 {
		return nil
	}
	var server time.Time
	edit := func(rows []postgres.PaceRow) ([]postgres.PaceChange, bool, error) {
		var changes []postgres.PaceChange
		durable := false
		now := b.now() // the locks may have been waited for
		for _, row := range rows {
			server = row.Server
			m := meetings[row.Provider]
			m.intake.now = now
			o, err := m.meet(row)
			if err != nil {
				return nil, false, fmt.Errorf("pace at %s: %w", m.gate.provider.Name, err)
			}
			o.change.Notice = b.notice(row, o)
			changes = append(changes, o.change)
			durable = durable || o.durable
		}
		return changes, durable, nil
	}
	err := b.store.ExchangePaces(ctx, postgres.PaceExchange{Source: b.source, Server: b.server, Asks: asks, Now: begun, Edit: edit})
	for _, m := range meetings {
		if err != nil {
			m.failed()
			continue
		}
		m.adopt(b.now())
	}
	b.failed = err != nil
	if err != nil {
		return err
	}
	b.server = server
	b.tell(ctx, meetings)
	return nil
}

// gather asks every gate what it brings.
func (b *broker) gather(now time.Time, everybody bool) (map[int64]*meeting, []postgres.PaceAsk) {
	b.mu.Lock()
	gates := make([]*gate, 0, len(b.gates))
	for _, g := range b.gates {
		gates = append(gates, g)
	}
	b.mu.Unlock()
	meetings := make(map[int64]*meeting)
	var asks []postgres.PaceAsk
	for _, g := range gates {
		m := g.bring(now, b.failed, everybody)
		if m == nil {
			continue
		}
		meetings[g.provider.ID] = m
		asks = append(asks, m.asks(now, b.failed)...)
	}
	slices.SortFunc(asks, func(x, y postgres.PaceAsk) int { return int(x.Provider - y.Provider) })
	return meetings, asks
}

// notice is what the other nodes are told: the version below which permits have
// lapsed.
func (b *broker) notice(row postgres.PaceRow, o *outlook) string {
	if o.state.Version == o.versionBefore {
		return ""
	}
	if row.Domain != "" {
		return fmt.Sprintf("pace %d %d", b.source, row.Provider)
	}
	return fmt.Sprintf("pace %d %d %d", b.source, row.Provider, o.state.Version)
}

// tell hands the decisions of a committed round to whoever shows them.
func (b *broker) tell(ctx context.Context, meetings map[int64]*meeting) {
	for _, m := range meetings {
		for domain, o := range m.outlooks {
			for _, d := range o.decisions {
				observeDecision(d)
				if domain != "" {
					b.held(ctx, domain, m.gate.provider, d)
				}
			}
		}
	}
}

// heard acts on word from another node, or from a person: a version of 0 says
// only that something changed.
func (b *broker) heard(provider int64, version int) {
	b.mu.Lock()
	g := b.gates[provider]
	b.mu.Unlock()
	if g == nil {
		return
	}
	if version > 0 {
		g.lower(version)
	}
	g.mu.Lock()
	g.told = true
	g.urge()
	g.mu.Unlock()
}

// meeting is one gate's part in a round.
type meeting struct {
	gate     *gate
	events   []happening
	intake   intake
	before   map[string]*envelope // as the round found them
	outlooks map[string]*outlook
}

// bring takes what the gate has for a round; nil when there is nothing.
func (g *gate) bring(now time.Time, again, everybody bool) *meeting {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.busy(now) || !g.urgent && now.Sub(g.met) < g.quiet(everybody) {
		return nil
	}
	m := &meeting{gate: g, events: g.events, outlooks: make(map[string]*outlook), before: make(map[string]*envelope)}
	g.events, g.told = nil, false
	used := g.open + g.opening
	waiting := g.turns.waiting(now) + g.bare
	want := 0
	if len(g.lanes) > 0 {
		want = min(len(g.lanes)+g.spare(), max(waiting, len(g.lanes)))
	}
	m.intake = intake{node: g.node, now: now, profile: g.profile, waiting: waiting,
		untried: g.turns.untried(now), sending: len(g.lanes) > 0, again: again,
		opener: g.openers > 0 && g.openAt.IsZero(), claim: claim{want: want, used: used, opening: g.openers + g.opening}}
	for domain, e := range g.domains {
		m.before[domain] = e.lend(now, len(g.lanes) == 0)
	}
	m.before[""] = g.own.lend(now, len(g.lanes) == 0)
	return m
}

// quiet returns how long a gate that asks for nothing keeps out of rounds; g.mu is
// held. Where the processors are the limit, news of acceptances may wait as long as
// permits are in hand: the pace is not what holds mail back.
func (g *gate) quiet(everybody bool) time.Duration {
	switch {
	case len(g.lanes) > 0 && g.scarce() && g.own.permits.count() > 0 && !slices.ContainsFunc(g.events, func(h happening) bool { return h.Kind != pacing.Accepted }):
		return crowdedRound
	case everybody:
		return 0
	}
	return roundEvery * 9 / 10 // the next round of everybody is near
}

// crowdedRound is such a pause: half of what the last round's word is good for.
const crowdedRound = freshFor / 2

// busy reports whether there is anything to exchange; g.mu is held. A gate with
// nothing but idle connections only keeps its lanes.
func (g *gate) busy(now time.Time) bool {
	if g.working() > 0 && g.turns.waiting(now) > 0 || len(g.events) > 0 || g.opening > 0 || g.urgent {
		return true
	}
	if len(g.lanes) > 0 { // they stand in line, or wait for mail
		return g.told || now.Sub(g.met) > idleRound
	}
	if g.met.IsZero() {
		return false
	}
	idle := g.open > 0 || g.own.pace.HoldUntil.After(now) && g.turns.waiting(now) > 0
	_, sits := g.own.shared.Seats[g.node] // to be left in a last round
	return g.told || g.open == 0 && sits || idle && now.Sub(g.met) > idleRound
}

// idleRound is how often a gate whose lanes use no permits, or that has none,
// renews its claim on connections, and looks whether a hold was ended by hand.
const idleRound = 5 * time.Second

// lend is a copy of an envelope for a round, with the permits that go back.
func (e *envelope) lend(now time.Time, all bool) *envelope {
	e.drop(now)
	if all {
		for _, b := range e.permits.empty() {
			if b.Probe || b.Version >= e.pace.Version {
				e.unused = append(e.unused, b)
			}
		}
		e.firsts.empty()
	}
	lent := *e
	lent.permits.blocks, lent.firsts.blocks = slices.Clone(e.permits.blocks), slices.Clone(e.firsts.blocks)
	e.unused = nil
	return &lent
}

// asks names the paces of this gate, and those that are to be made.
func (m *meeting) asks(now time.Time, again bool) []postgres.PaceAsk {
	g := m.gate
	asks := []postgres.PaceAsk{{Provider: g.provider.ID, First: func() []byte { return encoded(pacing.New(g.profile, now)) }}}
	for domain, e := range m.before {
		if domain != "" {
			asks = append(asks, postgres.PaceAsk{Provider: g.provider.ID, Domain: domain, Known: e.version})
		}
	}
	asks[0].Known = m.before[""].version
	for _, h := range m.events {
		if !namesDomain(h) || slices.ContainsFunc(asks, func(a postgres.PaceAsk) bool { return a.Domain == h.domain }) {
			continue
		}
		// Where the first refusal names the domain, its envelope begins.
		begin := func() []byte { return encoded(pacing.NewDomain(pacing.Profile{}, now)) }
		asks = append(asks, postgres.PaceAsk{Provider: g.provider.ID, Domain: h.domain, First: begin})
	}
	if again {
		for i := range asks {
			asks[i].Known = 0
		}
	}
	return asks
}

// encoded is a state as it is stored.
func encoded(s pacing.State) []byte {
	data, _ := json.Marshal(s) // plain data: cannot fail
	return data
}

// meet takes one locked row through the round.
func (m *meeting) meet(row postgres.PaceRow) (*outlook, error) {
	e := m.before[row.Domain]
	if e == nil {
		e = &envelope{domain: row.Domain}
	}
	in := m.intake
	in.events = m.heardBy(row.Domain)
	in.inHand, in.firsts, in.unused = e.permits.count(), e.firsts.count(), e.unused
	o, err := e.meet(row, in)
	if err == nil {
		m.outlooks[row.Domain] = o
	}
	return o, err
}

// failed gives back what could not be handed in.
func (m *meeting) failed() {
	g := m.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(m.events, g.events...) // not lost: handed in next time
}

// adopt takes over what the round decided, once it is committed.
func (m *meeting) adopt(now time.Time) {
	g := m.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for domain, o := range m.outlooks {
		e := g.own
		if domain != "" {
			if e = g.domains[domain]; e == nil {
				e = &envelope{domain: domain}
				g.domains[domain] = e
			}
		}
		e.adopt(o, now)
	}
	own := m.outlooks[""]
	if own == nil {
		return
	}
	if own.lanes > g.allowed && own.lanes > len(g.lanes) {
		g.wake()
	}
	g.allowed, g.atOnce, g.met, g.more = own.lanes, own.opening, now, own.more
	g.seated = m.intake.sending
	if !own.openAt.IsZero() {
		g.openAt = own.openAt
	}
	g.urgent = false
	if len(g.lanes) == 0 && g.open+g.opening == 0 {
		g.own.pack()
		for _, e := range g.domains {
			e.pack()
		}
	}
	close(g.news)
	g.news = make(chan struct{})
}

// adopt replaces all but the permits, which lanes may have taken meanwhile.
func (e *envelope) adopt(o *outlook, now time.Time) {
	version := e.pace.Version
	e.version, e.state, e.packed, e.shared, e.pace, e.pending, e.saved = o.version, o.state, nil, o.shared, o.pace, o.pending, o.saved
	e.pace.Version = max(e.pace.Version, version) // word of a newer one may have come meanwhile
	e.drop(now)
	e.permits.add(o.granted)
	e.firsts.add(o.first)
}
