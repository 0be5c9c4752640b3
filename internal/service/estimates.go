package service

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/estimate"
)

// estimateAge is how old an estimate may be that is shown again: an end that
// jumps with every look tells less than one that stands for a moment.
const estimateAge = 3 * time.Second

// estimateWait is how long a look at a campaign waits for its estimate.
const estimateWait = 80 * time.Millisecond

// Estimates are when a campaign will be done, as a whole and by provider.
type Estimates struct {
	At        time.Time
	Whole     estimate.Whole
	Providers map[int64]estimate.Estimate // where anything is left
	names     map[int64]string
}

// estimates remembers the last answers of all campaigns for a few seconds.
type estimates struct {
	mu       sync.Mutex
	backlogs map[int64]estimate.Estimate // guarded by mu; by provider
	at       time.Time                   // guarded by mu
}

// estimate says when a campaign under way will be done. Others have no end to
// foresee.
func (s *Service) estimate(ctx context.Context, c postgres.Campaign, providers []postgres.ProviderCounters,
	states map[int64]storedPace, at time.Time) (Estimates, error) {

	if c.State != campaign.Sending || c.LaunchedAt.IsZero() {
		return Estimates{}, nil
	}
	// Of a large campaign it takes a while: the estimate of before is shown.
	found, err := s.figures.ends.take(ctx, s.life, c.ID, estimateAge, estimateWait, func(ctx context.Context) (Estimates, error) {
		return s.estimateNow(ctx, c, providers, states, at)
	})
	return found.Value, err
}

// estimateNow says when a campaign that is sending will be done.
func (s *Service) estimateNow(ctx context.Context, c postgres.Campaign, providers []postgres.ProviderCounters,
	states map[int64]storedPace, at time.Time) (Estimates, error) {

	loads, err := s.Store.Loads(ctx)
	if err != nil {
		return Estimates{}, err
	}
	later, err := s.Store.DueLater(ctx, c.ID)
	if err != nil {
		return Estimates{}, err
	}
	beside := make(map[int64][]postgres.Load, len(providers))
	for _, l := range loads {
		beside[l.Provider] = append(beside[l.Provider], l)
	}
	found := Estimates{At: at, Providers: make(map[int64]estimate.Estimate, len(providers)), names: make(map[int64]string)}
	var parts []estimate.Part
	var done int64
	for _, p := range providers {
		done += p.Counters.Final()
		if p.Counters.Waiting() == 0 {
			parts = append(parts, estimate.Part{Name: p.Name})
			continue
		}
		var e estimate.Estimate
		if p.Provider == 0 {
			e = estimate.Estimate{Early: true, Left: p.Counters.Waiting(), Bound: estimate.Unknown,
				Why: "too early to say: mail hosts are being looked up"}
		} else {
			w := workOf(p.Counters, later[p.Provider], at)
			w.putOff(c.Audience, p.Counters, at)
			w.Since, w.Weight, w.Retry = c.LaunchedAt, aged(c.Weight, c.LaunchedAt, at), waits(c.Settings.Retry)
			w.Others = rivals(beside[p.Provider], c.ID, at)
			w.within(c.Settings.Window.Hours(), at)
			w.know(states[p.Provider], at)
			e = estimate.For(w.Work, at)
		}
		found.Providers[p.Provider], found.names[p.Provider] = e, p.Name
		parts = append(parts, estimate.Part{Name: p.Name, Estimate: e})
	}
	found.Whole = estimate.Together(parts, done, at)
	return found, nil
}

// work is an estimate's work under preparation.
type work struct{ estimate.Work }

// workOf sorts what waits into what may go now and what falls due later.
func workOf(n campaign.Counters, later postgres.DueLater, at time.Time) work {
	w := work{}
	deferred := n.Deferred
	for i, due := range later.Times {
		part := min(later.Counts[i], deferred)
		deferred -= part
		if due.After(at) {
			w.Later = append(w.Later, estimate.Wave{Due: due, N: part})
		} else {
			w.Ready += part
		}
	}
	w.Later = append(w.Later, spread(deferred, later, at)...)
	w.Ready += n.Queued
	if len(later.Times) == 0 {
		w.Ready += deferred // all of it is in a lane's hands
	}
	if tried := n.Delivered + n.Deferred + n.Bounced + n.Expired; tried >= triedEnough {
		w.PutOff = float64(n.Delivered-n.AcceptedFirst+n.Deferred) / float64(tried)
	}
	return w
}

// putOff takes out of what may go now what falls due later in readers' own
// zones, at each provider as large a part as of the whole campaign.
func (w *work) putOff(a campaign.Audience, n campaign.Counters, at time.Time) {
	queued := n.Queued
	for _, l := range slices.Backward(a.Later) { // what falls due last is surely waiting still
		if !l.Due.After(at) || queued == 0 || a.WillReceive == 0 {
			break
		}
		part := min(queued, int64(math.Round(float64(n.Targeted)*float64(l.N)/float64(a.WillReceive))))
		queued, w.Ready = queued-part, w.Ready-part
		w.Later = append(w.Later, estimate.Wave{Due: l.Due, N: part, First: true})
	}
	slices.SortStableFunc(w.Later, func(x, y estimate.Wave) int { return x.Due.Compare(y.Due) })
}

// triedEnough is how many messages must have been tried before the share that
// is put off means anything.
const triedEnough = 50

// spread lays deferred mail that was not looked at evenly between the last
// that was and the very last, in ten waves.
func spread(n int64, later postgres.DueLater, at time.Time) []estimate.Wave {
	if n <= 0 || len(later.Times) == 0 {
		return nil
	}
	from := later.Times[len(later.Times)-1]
	if from.Before(at) {
		from = at
	}
	step := max(later.Last.Sub(from), 0) / 10
	var waves []estimate.Wave
	for i := range int64(10) {
		part := n*(i+1)/10 - n*i/10
		waves = append(waves, estimate.Wave{Due: from.Add(time.Duration(i+1) * step), N: part})
	}
	return waves
}

// within lets work rest outside its campaign's window: what was not accepted
// there says nothing of the pace.
func (w *work) within(h campaign.Hours, at time.Time) {
	if h.Always() {
		return
	}
	w.Passing = h.After
	if opened := h.Opened(at); opened.After(w.Since) {
		w.Since = opened
	}
}

// know takes in what the pacer knows.
func (w *work) know(p storedPace, at time.Time) {
	if p.state == nil {
		w.Accepted = func(time.Time, time.Time) float64 { return 0 }
		return
	}
	w.Outlook, w.Accepted = p.state.Outlook(at), p.state.Accepted
}

// rivals are the campaigns that share a provider with one, of those that have mail
// there.
func rivals(loads []postgres.Load, but int64, at time.Time) []estimate.Share {
	var shares []estimate.Share
	for _, l := range loads {
		if l.Campaign != but && !l.Paused {
			shares = append(shares, estimate.Share{Left: l.Counters.Queued, Weight: aged(l.Weight, l.Launched, at)})
		}
	}
	return shares
}

// aged is a campaign's weight now, as lanes count it: each hour since its
// launch adds 1, at most doubling it. It is scaled so that it stays whole.
func aged(weight int, launched, at time.Time) int {
	const scale = 16
	w := float64(max(weight, 1))
	return int(scale * min(w+max(at.Sub(launched).Hours(), 0), 2*w))
}

// waits are a campaign's retries for the recipient's sake.
func waits(r campaign.Retry) []time.Duration {
	all := make([]time.Duration, len(r.Steps))
	for i, step := range r.Steps {
		all[i] = step.Std()
	}
	return all
}

// Backlogs returns when all that waits at each provider will be done, of all
// campaigns that are sending. Retries are counted as if they were due.
func (s *Service) Backlogs(ctx context.Context) (map[int64]estimate.Estimate, error) {
	at := now()
	if known, ok := s.ends.backlog(at); ok {
		return known, nil
	}
	states, err := s.storedPaces(ctx, 0)
	if err != nil {
		return nil, err
	}
	loads, err := s.Store.Loads(ctx)
	if err != nil {
		return nil, err
	}
	found := backlogs(loads, states, at)
	s.ends.keepBacklogs(found, at)
	return found, nil
}

// Backlog returns when all that waits at one provider will be done, and false when
// nothing waits; see [Service.Backlogs].
func (s *Service) Backlog(ctx context.Context, provider int64) (estimate.Estimate, bool, error) {
	states, err := s.storedPaces(ctx, provider)
	if err != nil {
		return estimate.Estimate{}, false, err
	}
	loads, err := s.Store.LoadsOf(ctx, provider)
	if err != nil {
		return estimate.Estimate{}, false, err
	}
	e, ok := backlogs(loads, states, now())[provider]
	return e, ok, nil
}

// backlogs says when what waits at each provider will be done.
func backlogs(loads []postgres.Load, states map[int64]storedPace, at time.Time) map[int64]estimate.Estimate {
	works := make(map[int64]estimate.Work)
	for _, l := range loads {
		if l.Paused || l.Provider == 0 {
			continue
		}
		w, known := works[l.Provider]
		if !known || l.Launched.Before(w.Since) {
			w.Since = l.Launched
		}
		w.Ready += l.Counters.Waiting()
		works[l.Provider] = w
	}
	found := make(map[int64]estimate.Estimate, len(works))
	for provider, w := range works {
		full := work{w}
		full.know(states[provider], at)
		found[provider] = estimate.For(full.Work, at)
	}
	return found
}

// storedPace is a provider's pace with what it says of the time ahead.
type storedPace struct {
	ProviderPace
	state *pacing.State
}

func (e *estimates) backlog(at time.Time) (map[int64]estimate.Estimate, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.backlogs, e.backlogs != nil && at.Sub(e.at) < estimateAge
}

func (e *estimates) keepBacklogs(found map[int64]estimate.Estimate, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.backlogs, e.at = found, at
}
