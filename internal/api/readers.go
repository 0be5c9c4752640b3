package api

import "github.com/headwaymail/headway/internal/service"

// Readers is what readers did with a campaign's messages.
type Readers struct {
	CountsClicks bool      `json:"counts_clicks" doc:"Whether clicks are counted for this campaign."`
	CountsOpens  bool      `json:"counts_opens" doc:"Whether opens are counted for this campaign."`
	Clicks       Engaged   `json:"clicks" doc:"Of any link."`
	Opens        Engaged   `json:"opens" doc:"As far as opens can be told: many programs load images by themselves, many readers never."`
	Links        []LinkUse `json:"links" doc:"The counted links, the most followed by people first."`
}

// Engaged is how many did something, and how often.
type Engaged struct {
	People       int64 `json:"people" doc:"Different readers."`
	Times        int64 `json:"times" doc:"How often people did it."`
	Programs     int64 `json:"programs" doc:"Different readers in whose name programs did it: scanners, previews, image proxies."`
	ProgramTimes int64 `json:"program_times" doc:"How often programs did it."`
}

// LinkUse is how a link was followed.
type LinkUse struct {
	Number int     `json:"number" doc:"In the order of the newsletter."`
	URL    string  `json:"url"`
	Clicks Engaged `json:"clicks"`
}

func campaignReaders(c *call) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	r, err := c.service.Readership(c.Context(), found)
	return Readers{CountsClicks: r.Tracking.Clicks, CountsOpens: r.Tracking.Opens, Clicks: Engaged(r.Clicks), Opens: Engaged(r.Opens),
		Links: views(r.Links, func(l service.LinkUse) LinkUse {
			return LinkUse{Number: l.Number, URL: l.URL, Clicks: Engaged(l.Engaged)}
		})}, err
}
