package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// Campaign is a newsletter and how far it is.
type Campaign struct {
	ID          int64             `json:"id"`
	Name        string            `json:"name"`
	Subject     string            `json:"subject"`
	State       string            `json:"state" enum:"draft,scheduled,sending,paused,finished,cancelled"`
	Words       string            `json:"state_words" doc:"The state as people read it, such as Finishing (12 deferred)."`
	TimeZone    string            `json:"time_zone" doc:"IANA name."`
	Weight      int               `json:"weight" doc:"Its share where campaigns meet at a provider: 1 low, 4 normal, 16 urgent."`
	Window      string            `json:"window,omitzero" doc:"The hours in which its mail goes out, in words; missing: at any hour."`
	CreatedAt   time.Time         `json:"created_at"`
	ScheduledAt time.Time         `json:"scheduled_at,omitzero"`
	LaunchedAt  time.Time         `json:"launched_at,omitzero"`
	FinishedAt  time.Time         `json:"finished_at,omitzero"`
	Counters    campaign.Counters `json:"counters" doc:"targeted is the sum of all others but accepted_first."`
}

func newCampaign(c postgres.Campaign) Campaign {
	window := ""
	if !c.Settings.Window.IsZero() {
		window = c.Settings.Window.Words()
	}
	return Campaign{ID: c.ID, Window: window, Name: c.Name, Subject: c.Content.Subject, State: string(c.State), Words: service.StateWords(c, time.Now()),
		TimeZone: c.TimeZone, Weight: c.Weight, CreatedAt: utc(c.CreatedAt), ScheduledAt: utc(c.ScheduledAt),
		LaunchedAt: utc(c.LaunchedAt), FinishedAt: utc(c.FinishedAt), Counters: c.Counters}
}

func listCampaigns(c *call) (any, error) {
	before := c.page.after
	if before == 0 {
		before = math.MaxInt64
	}
	campaigns, err := c.service.Store.CampaignsBefore(c.Context(), before, c.page.limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(campaigns) > c.page.limit {
		campaigns = campaigns[:c.page.limit]
		next = cursor(campaigns[len(campaigns)-1].ID)
	}
	return Page[Campaign]{Items: views(campaigns, newCampaign), Next: next}, nil
}

// campaign finds the campaign of a call's address.
func (c *call) campaign() (postgres.Campaign, error) {
	id, err := strconv.ParseInt(c.PathValue("campaign"), 10, 64)
	if err != nil || id < 1 {
		return postgres.Campaign{}, &Problem{Status: http.StatusNotFound, Code: "not_found",
			Detail: "a campaign is named by its number; " + Prefix + "/campaigns lists all"}
	}
	return c.service.Store.Campaign(c.Context(), id)
}

func getCampaign(c *call) (any, error) {
	found, err := c.campaign()
	return newCampaign(found), err
}

// CampaignProvider is a campaign's part at one provider.
type CampaignProvider struct {
	ProviderID int64             `json:"provider_id" doc:"0 stands for domains that are being looked up."`
	Name       string            `json:"name"`
	Counters   campaign.Counters `json:"counters"`
}

func campaignProviders(c *call) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	counters, err := c.service.Store.ProviderCounters(c.Context(), found.ID)
	if err != nil {
		return nil, err
	}
	return newPage(c.page, counters, func(p postgres.ProviderCounters) CampaignProvider {
		return CampaignProvider{ProviderID: p.Provider, Name: p.Name, Counters: p.Counters}
	}), nil
}

func campaignReplies(c *call) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	groups, err := c.service.Store.ReplyGroups(c.Context(), found.ID, replyGroups)
	if err != nil {
		return nil, err
	}
	return newPage(c.page, groups, NewReplyGroup), nil
}

func pauseCampaign(c *call) (any, error)  { return steer(c, campaign.Pause) }
func resumeCampaign(c *call) (any, error) { return steer(c, campaign.Resume) }
func cancelCampaign(c *call) (any, error) { return steer(c, campaign.Cancel) }

// steer takes a campaign a step further and returns it as it is then.
func steer(c *call, verb campaign.Verb) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	if err := c.service.DoAs(c.Context(), found.ID, verb, c.actor()); err != nil {
		return nil, err
	}
	return getCampaign(c)
}
