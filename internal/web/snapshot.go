package web

import (
	"context"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

const (
	// snapshotAge is how old a snapshot may be that is shown again. Everybody
	// who looks at a campaign within this time shares one look at the database.
	snapshotAge = 450 * time.Millisecond
	// rateWindow is what "now" means for a rate: long enough to be calm, short
	// enough to show a slow-down while it happens.
	rateWindow = 10 * time.Second
	// rateLeast is the shortest time that a rate is measured over.
	rateLeast = time.Second
	// forgetAfter is when what nobody looks at any more is dropped.
	forgetAfter = 2 * time.Minute
)

// snapshot is a campaign at one moment.
type snapshot struct {
	service.Live
	Rate  float64 // messages delivered per second
	Known bool    // the rate was measured
}

// snapshots are the last looks at campaigns.
type snapshots struct {
	read  func(context.Context, int64) (service.Live, error)
	rates *rates

	mu    sync.Mutex
	looks map[int64]*look // guarded by mu
}

// look is the last look at one campaign. Whoever has the turn reads the
// database; the others wait and share the answer.
type look struct {
	turn chan struct{} // holds one element while somebody has the turn
	last snapshot      // read and written in turn
	used time.Time     // guarded by snapshots.mu
}

func newSnapshots(read func(context.Context, int64) (service.Live, error), rates *rates) *snapshots {
	return &snapshots{read: read, rates: rates, looks: make(map[int64]*look)}
}

// take returns a campaign as it stands, or stood a moment ago.
func (s *snapshots) take(ctx context.Context, id int64) (snapshot, error) {
	l := s.look(id)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return snapshot{}, ctx.Err()
	}
	if time.Since(l.last.At) < snapshotAge {
		return l.last, nil
	}
	live, err := s.read(ctx, id)
	if err != nil {
		return snapshot{}, err
	}
	l.last = snapshot{Live: live}
	l.last.Rate, l.last.Known = s.rates.measure(id, live.At, live.Campaign.Counters.Delivered)
	return l.last, nil
}

// changed forgets the last look at a campaign, which somebody has just changed.
func (s *snapshots) changed(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.looks, id)
}

func (s *snapshots) look(id int64) *look {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for other, l := range s.looks {
		if now.Sub(l.used) > forgetAfter {
			delete(s.looks, other)
		}
	}
	l := s.looks[id]
	if l == nil {
		l = &look{turn: make(chan struct{}, 1)}
		s.looks[id] = l
	}
	l.used = now
	return l
}

// rates measures how fast campaigns are delivered, from their successive
// counts.
type rates struct {
	mu     sync.Mutex
	counts map[int64][]counted // guarded by mu; oldest first
}

type counted struct {
	at        time.Time
	delivered int64
}

func newRates() *rates { return &rates{counts: make(map[int64][]counted)} }

// measure takes in how many messages of a campaign were delivered at a time,
// and returns the rate of the last ten seconds per second. It is not known
// before there are two counts a second apart.
func (r *rates) measure(id int64, at time.Time, delivered int64) (perSecond float64, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, counts := range r.counts {
		if at.Sub(counts[len(counts)-1].at) > forgetAfter {
			delete(r.counts, other)
		}
	}
	counts := r.counts[id]
	if n := len(counts); n > 0 && !at.After(counts[n-1].at) {
		return slope(counts)
	}
	counts = append(counts, counted{at, delivered})
	for len(counts) > 2 && at.Sub(counts[1].at) >= rateWindow {
		counts = counts[1:] // one count at or before the window's beginning stays
	}
	r.counts[id] = counts
	return slope(counts)
}

// slope is the rate between the first and the last count.
func slope(counts []counted) (perSecond float64, known bool) {
	first, last := counts[0], counts[len(counts)-1]
	took := last.at.Sub(first.at)
	if took < rateLeast {
		return 0, false
	}
	return float64(max(last.delivered-first.delivered, 0)) / took.Seconds(), true
}
