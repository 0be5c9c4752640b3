package api

import (
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// QueueLine is what of a campaign waits at a provider.
type QueueLine struct {
	CampaignID int64     `json:"campaign_id"`
	Campaign   string    `json:"campaign"`
	ProviderID int64     `json:"provider_id" doc:"0 stands for domains that are being looked up."`
	Provider   string    `json:"provider"`
	Queued     int64     `json:"queued" doc:"Not tried yet."`
	Deferred   int64     `json:"deferred" doc:"Tried and put off, to be tried again."`
	NextTry    time.Time `json:"next_try,omitzero" doc:"When the first of what was put off is tried again, if the pace lets it."`
	Oldest     time.Time `json:"oldest,omitzero" doc:"When that of the campaign was tried first which was put off longest."`
}

// queueProviders bounds the providers of a campaign: more than any meets, so that the
// lines add up to its counters.
const queueProviders = 100_000

// listQueue returns what waits of all campaigns that are sending or paused.
func listQueue(c *call) (any, error) {
	live, err := c.service.Store.LiveCampaigns(c.Context())
	if err != nil {
		return nil, err
	}
	lines := []QueueLine{}
	for _, one := range live {
		if one.System || one.Counters.Waiting() == 0 {
			continue
		}
		waits, err := c.service.Store.Queue(c.Context(), one.ID, queueProviders)
		if err != nil {
			return nil, err
		}
		for _, l := range waits.Lines {
			line := QueueLine{CampaignID: one.ID, Campaign: one.Name, ProviderID: l.Provider, Provider: l.Name,
				Queued: l.Queued, Deferred: l.Deferred, Oldest: utc(waits.Oldest)}
			if l.Next != nil {
				line.NextTry = utc(*l.Next)
			}
			lines = append(lines, line)
		}
	}
	return newPage(c.page, lines, func(l QueueLine) QueueLine { return l }), nil
}

// QueueRetryBody says what is to be tried now.
type QueueRetryBody struct {
	Provider string `json:"provider,omitzero" doc:"The key of a provider, its number, or one of its domains. Missing: all."`
	DryRun   bool   `json:"dry_run,omitzero" doc:"Only say what would follow."`
}

// QueueRetried is what making due what was put off leads to.
type QueueRetried struct {
	Done      bool     `json:"done" doc:"false for a dry run."`
	Words     string   `json:"words" doc:"What follows, in plain words."`
	Messages  int64    `json:"messages" doc:"How many are due now instead of later."`
	Campaigns int      `json:"campaigns" doc:"Whose they are."`
	Providers []PutOff `json:"providers" doc:"The most first, as they stood before."`
}

// PutOff is how much was put off at a provider and was not due yet.
type PutOff struct {
	ProviderID int64  `json:"provider_id"`
	Provider   string `json:"provider"`
	Messages   int64  `json:"messages"`
}

func retryQueue(c *call) (any, error) {
	b := c.body.(*QueueRetryBody)
	var provider int64
	if b.Provider != "" {
		found, err := c.service.FindProvider(c.Context(), b.Provider)
		if err != nil {
			return nil, err
		}
		provider = found.ID
	}
	var (
		retried service.DeferredRetry
		err     error
	)
	if b.DryRun {
		retried, err = c.service.PlanRetryDeferred(c.Context(), provider)
	} else {
		retried, err = c.service.RetryDeferred(c.Context(), provider, c.actor())
	}
	return QueueRetried{Done: !b.DryRun, Words: retried.Words(), Messages: retried.Messages, Campaigns: retried.Campaigns,
		Providers: views(retried.Providers, func(p postgres.PutOff) PutOff {
			return PutOff{ProviderID: p.Provider, Provider: p.Name, Messages: p.Messages}
		})}, err
}
