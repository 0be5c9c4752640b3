package delivery

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

// lookBack is how many ids behind the newest suppression are looked at again:
// transactions commit in another order than they take their ids.
const lookBack = 200

// rememberFor is how long a new suppression is kept in mind. Mail in hand was
// claimed at most seconds ago; what is claimed later is judged by the database.
const rememberFor = 2 * time.Minute

// watch keeps in mind what a lane must know before each send: campaigns that
// are no longer sending, and people who left since their mail was claimed. It
// is refreshed every second, and at once when the database notifies.
type watch struct {
	store   *postgres.Store
	compose func(postgres.Campaign) (*letter, error)
	log     *slog.Logger
	now     func() time.Time

	reading   sync.Mutex // held from reading campaigns to storing them: an older picture never replaces a newer one
	mu        sync.RWMutex
	campaigns map[int64]*live      // guarded by mu
	barred    map[string]time.Time // guarded by mu; key, canonical key or domain → when it was learned
	seen      map[int64]bool       // guarded by mu; suppressions that were learned, near the newest
	last      int64                // guarded by mu; newest suppression seen
}

// live is a campaign that is being sent.
type live struct {
	postgres.Campaign
	letter *letter        // compiled once
	hours  campaign.Hours // when its messages may go out
}

func newWatch(ctx context.Context, store *postgres.Store, compose func(postgres.Campaign) (*letter, error), log *slog.Logger, now func() time.Time) (*watch, error) {
	last, err := store.LastSuppression(ctx)
	if err != nil {
		return nil, err
	}
	w := &watch{store: store, compose: compose, log: log, now: now, last: last,
		campaigns: make(map[int64]*live), barred: make(map[string]time.Time), seen: make(map[int64]bool)}
	return w, w.refresh(ctx)
}

// refresh looks at the database. Lanes go on with what they know meanwhile.
func (w *watch) refresh(ctx context.Context) error {
	if err := w.refreshCampaigns(ctx); err != nil {
		return err
	}
	return w.refreshBarred(ctx)
}

func (w *watch) refreshCampaigns(ctx context.Context) error {
	w.reading.Lock()
	defer w.reading.Unlock()
	campaigns, err := w.store.LiveCampaigns(ctx)
	if err != nil {
		return err
	}
	w.mu.RLock()
	before := maps.Clone(w.campaigns)
	w.mu.RUnlock()
	now := make(map[int64]*live, len(campaigns))
	for _, c := range campaigns {
		known := before[c.ID]
		if known == nil {
			known = &live{}
			if known.letter, err = w.compose(c); err != nil {
				w.log.Error("a campaign cannot be composed; nothing of it is sent", "campaign", c.ID, "error", err)
				continue
			}
		}
		now[c.ID] = &live{Campaign: c, letter: known.letter, hours: c.Settings.Window.Hours()}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.campaigns = now
	return nil
}

func (w *watch) refreshBarred(ctx context.Context) error {
	w.mu.RLock()
	last := w.last
	w.mu.RUnlock()
	recent, err := w.store.SuppressionsSince(ctx, last-lookBack)
	if err != nil {
		return err
	}
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range recent {
		if w.seen[s.ID] {
			continue
		}
		w.seen[s.ID] = true
		w.barred[s.Key] = now
		if s.Canonical != "" {
			w.barred[s.Canonical] = now
		}
		w.last = max(w.last, s.ID)
	}
	maps.DeleteFunc(w.seen, func(id int64, _ bool) bool { return id < w.last-lookBack })
	maps.DeleteFunc(w.barred, func(_ string, at time.Time) bool { return now.Sub(at) > rememberFor })
	return nil
}

// bar keeps an address in mind at once, before the database notifies.
func (w *watch) bar(keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		w.barred[key] = w.now()
	}
}

// sending returns a campaign if its mail may go out now.
func (w *watch) sending(id int64) (*live, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	c, ok := w.campaigns[id]
	return c, ok && c.State == campaign.Sending && c.hours.Open(w.now())
}

// closed reports whether a campaign is outside its window: nothing is claimed for
// it then, and what is claimed is given back.
func (w *watch) closed(id int64, now time.Time) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	c, ok := w.campaigns[id]
	return ok && !c.hours.Open(now)
}

// sender returns the sending domain of a campaign; empty when it is not live.
func (w *watch) sender(id int64) string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if c := w.campaigns[id]; c != nil && c.letter != nil {
		return c.letter.domain
	}
	return ""
}

// encryption returns the least that a campaign's mail goes out under.
func (w *watch) encryption(id int64) smtpout.TLSMode {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if c := w.campaigns[id]; c != nil {
		return encryption(c.Settings)
	}
	return smtpout.TLSOpportunistic
}

// mayHaveLeft reports whether something was suppressed since the claim that
// could mean this delivery. It is then given back, and the next claim judges it
// exactly.
func (w *watch) mayHaveLeft(d postgres.Claimed, claimed time.Time) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if len(w.barred) == 0 {
		return false
	}
	for _, key := range [...]string{d.AddressKey, d.CanonicalKey, d.Domain} {
		if learned, ok := w.barred[key]; ok && !learned.Before(claimed) {
			return true
		}
	}
	return false
}

// all returns the live campaigns.
func (w *watch) all() []*live {
	w.mu.RLock()
	defer w.mu.RUnlock()
	list := make([]*live, 0, len(w.campaigns))
	for _, c := range w.campaigns {
		list = append(list, c)
	}
	return list
}
