package service

import (
	"context"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/estimate"
)

// Live is a campaign as it stands now. Its figures are read one after the other
// while mail goes out; the totals are the sums of the providers.
type Live struct {
	At        time.Time
	Campaign  postgres.Campaign
	Providers []LiveProvider // largest first
	Events    []postgres.CampaignEvent
	Pace      []postgres.PaceEvent    // newest first, of these providers while it was sent
	Estimates Estimates               // when it will be done; empty unless it is sending
	Series    *SeriesView             // how it repeats; nil for most
	Audience  postgres.AudienceChoice // as it was chosen
}

// LiveProvider is one provider's part of a campaign.
type LiveProvider struct {
	postgres.ProviderCounters
	Throttled int64              // how often it answered 421 to this campaign
	Pace      *pacing.Pace       // nil before the first message
	Estimate  *estimate.Estimate // when its part will be done; nil when nothing is left or nothing goes out
}

// livePaceEvents is more than liveEvents: pages show runs of steps as one line.
const (
	liveEvents     = 30
	livePaceEvents = 150
)

// Live returns a campaign with its providers, their paces and what happened.
func (s *Service) Live(ctx context.Context, id int64) (Live, error) {
	live := Live{At: now()}
	var err error
	if live.Campaign, err = s.Store.Campaign(ctx, id); err != nil {
		return live, err
	}
	providers, err := s.Store.ProviderCounters(ctx, id)
	if err != nil {
		return live, err
	}
	throttled, err := s.throttled(ctx, id)
	if err != nil {
		return live, err
	}
	var paces map[int64]storedPace // of what is over nobody asks how fast it goes
	if state := live.Campaign.State; state == campaign.Sending || state == campaign.Paused {
		if paces, err = s.storedPaces(ctx, 0); err != nil {
			return live, err
		}
	}
	live.Estimates, err = s.estimate(ctx, live.Campaign, providers, paces, live.At)
	if err != nil {
		return live, err
	}
	live.Campaign.Counters = campaign.Counters{}
	for _, p := range providers {
		entry := LiveProvider{ProviderCounters: p, Throttled: throttled[p.Provider]}
		if known, ok := paces[p.Provider]; ok {
			entry.Pace = &known.Pace
		}
		if e, ok := live.Estimates.Providers[p.Provider]; ok && p.Counters.Waiting() > 0 {
			entry.Estimate = &e
		}
		live.Providers = append(live.Providers, entry)
		live.Campaign.Counters = live.Campaign.Counters.Add(p.Counters)
	}
	if live.Events, err = s.Store.Events(ctx, id, liveEvents); err != nil {
		return live, err
	}
	if live.Pace, err = s.Store.CampaignPaceEvents(ctx, id, livePaceEvents); err != nil {
		return live, err
	}
	if live.Audience, err = s.Store.Audience(ctx, id); err != nil {
		return live, err
	}
	live.Series, err = s.Series(ctx, live.Campaign)
	return live, err
}

// ProviderPace is how fast a provider is mailed now, and why.
type ProviderPace struct {
	Provider int64
	Name     string
	Pace     pacing.Pace
	Updated  time.Time
	Backlog  *estimate.Estimate `json:",omitempty"` // when what waits there is done; filled in by who asks for it
}

// plenty of mail: a pace is shown as it is when lanes have enough to carry.
const plenty = 1 << 20

// Paces returns the pace of every provider that was ever mailed, by its id. Of
// several sources the one that was used last counts.
func (s *Service) Paces(ctx context.Context) (map[int64]ProviderPace, error) {
	stored, err := s.storedPaces(ctx, 0)
	if err != nil {
		return nil, err
	}
	paces := make(map[int64]ProviderPace, len(stored))
	for provider, p := range stored {
		paces[provider] = p.ProviderPace
	}
	return paces, nil
}

// storedPaces reads all paces with what they say of the time ahead; with a
// provider, only its own.
func (s *Service) storedPaces(ctx context.Context, provider int64) (map[int64]storedPace, error) {
	heads, err := s.Store.PaceHeads(ctx, provider)
	if err != nil {
		return nil, err
	}
	states, err := s.paces.all(ctx, s.Store, heads)
	if err != nil {
		return nil, err
	}
	at := now()
	paces := make(map[int64]storedPace, len(heads))
	for _, h := range heads {
		state, ok := states[h.PaceKey]
		if before, more := paces[h.Provider]; !ok || more && before.Updated.After(h.Updated) {
			continue
		}
		paces[h.Provider] = storedPace{
			ProviderPace: ProviderPace{Provider: h.Provider, Name: h.Name, Updated: h.Updated,
				Pace: state.Pace(at, pacing.Demand{Waiting: plenty})},
			state: state}
	}
	return paces, nil
}
