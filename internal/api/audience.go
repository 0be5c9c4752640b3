package api

import (
	"cmp"
	"slices"
	"time"
)

// Audience is who a campaign goes to. What is left out, held and will receive adds
// up to in_lists.
type Audience struct {
	AsOf          time.Time          `json:"as_of" doc:"When it was counted; of a launched campaign its launch."`
	Launched      bool               `json:"launched" doc:"These are the figures of the launch; otherwise of one that would be made now."`
	InLists       int64              `json:"in_lists" doc:"Distinct contacts of what is included."`
	Duplicates    int64              `json:"duplicates" doc:"Further memberships of these; counted before the launch only."`
	Excluded      int64              `json:"excluded"`
	Unsubscribed  int64              `json:"unsubscribed" doc:"They left."`
	Unconfirmed   int64              `json:"unconfirmed" doc:"They have not confirmed yet."`
	Suppressed    int64              `json:"suppressed" doc:"Must not be mailed: bounced, complained, paused, by hand, by domain."`
	Undeliverable int64              `json:"undeliverable" doc:"Verification proved that the address cannot work."`
	Held          int64              `json:"held" doc:"Expected to go badly: risky, or of a file that went badly before."`
	WillReceive   int64              `json:"will_receive"`
	Providers     []AudienceProvider `json:"providers" doc:"Of those who will receive, the most first; before the launch only."`
}

// AudienceProvider is how many of those who will receive have their mailbox at a
// provider.
type AudienceProvider struct {
	Provider   string `json:"provider" doc:"Its name; empty where it is not known yet."`
	Recipients int64  `json:"recipients"`
}

func campaignAudience(c *call) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	a, view := found.Audience, Audience{AsOf: utc(found.LaunchedAt), Launched: !found.LaunchedAt.IsZero(), Providers: []AudienceProvider{}}
	if !view.Launched {
		counted, err := c.service.Audience(c.Context(), found.ID, countWithin)
		if err != nil {
			return nil, err
		}
		if !counted.Known {
			return nil, errBeingCounted
		}
		a, view.AsOf = counted.Audience, utc(counted.At)
		for name, n := range counted.Providers {
			view.Providers = append(view.Providers, AudienceProvider{Provider: name, Recipients: n})
		}
		slices.SortFunc(view.Providers, func(a, b AudienceProvider) int {
			return cmp.Or(cmp.Compare(b.Recipients, a.Recipients), cmp.Compare(a.Provider, b.Provider))
		})
	}
	view.InLists, view.Duplicates, view.Excluded, view.Unsubscribed = a.InLists, a.Duplicates, a.Excluded, a.Unsubscribed
	view.Unconfirmed, view.Suppressed, view.Undeliverable = a.Unconfirmed, a.Suppressed, a.Undeliverable
	view.Held, view.WillReceive = a.Held, a.WillReceive
	return view, nil
}
