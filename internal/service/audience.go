package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// audienceAge is how old a count may be that is shown again.
	audienceAge = 15 * time.Second
	// audienceWithin ends a count that hangs; a million contacts take seconds.
	audienceWithin = 2 * time.Minute
	// audiencesKept bounds what is remembered: drafts that somebody works on.
	audiencesKept = 100
)

// AudienceView is who would receive a campaign.
type AudienceView struct {
	postgres.AudienceCount
	At    time.Time // when it was counted
	Known bool      // false while it is being counted for the first time
}

// audiences remembers counts, and counts each campaign once at a time.
type audiences struct {
	mu      sync.Mutex
	entries map[int64]*audience // guarded by mu
}

type audience struct {
	last    AudienceView
	err     error
	running chan struct{} // closed at the end of the count under way; nil without
}

// Audience counts who a campaign would go to if it were launched now, waiting for
// at most a while: on large lists the count comes later, and Known is false until
// then.
func (s *Service) Audience(ctx context.Context, id int64, wait time.Duration) (AudienceView, error) {
	running := s.audiences.begin(s, id)
	if running != nil {
		patience := time.NewTimer(wait)
		defer patience.Stop()
		select {
		case <-running:
		case <-patience.C:
		case <-ctx.Done():
			return AudienceView{}, ctx.Err()
		}
	}
	return s.audiences.look(id)
}

// begin starts a count unless one is known or under way; it returns a channel
// that is closed when the count is there, nil when there is one.
func (a *audiences) begin(s *Service, id int64) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entries == nil || len(a.entries) > audiencesKept {
		a.entries = make(map[int64]*audience)
	}
	e := a.entries[id]
	if e == nil {
		e = &audience{}
		a.entries[id] = e
	}
	if e.running == nil && (!e.last.Known || time.Since(e.last.At) > audienceAge) {
		e.running = make(chan struct{})
		go e.count(s, id, &a.mu)
	}
	return e.running
}

// forget drops what is known of a campaign whose lists have changed.
func (a *audiences) forget(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.entries, id)
}

func (e *audience) count(s *Service, id int64, mu *sync.Mutex) {
	ctx, cancel := context.WithTimeout(context.Background(), audienceWithin)
	defer cancel()
	at := now()
	found, err := s.Store.CountAudience(ctx, id, at)
	mu.Lock()
	defer mu.Unlock()
	if e.err = err; err == nil {
		e.last = AudienceView{AudienceCount: found, At: at, Known: true}
	}
	close(e.running)
	e.running = nil
}

func (a *audiences) look(id int64) (AudienceView, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[id]
	if e == nil {
		return AudienceView{}, nil
	}
	if e.err != nil {
		return AudienceView{}, fmt.Errorf("count the audience: %w", e.err)
	}
	return e.last, nil
}
