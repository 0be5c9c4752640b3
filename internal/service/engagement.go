package service

import (
	"cmp"
	"context"
	"slices"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/internal/postgres"
)

// Readership is what readers did with a campaign's messages, people and programs
// apart.
type Readership struct {
	Tracking campaign.Tracking `json:"tracking"` // what is counted
	Clicks   Engaged           `json:"clicks"`   // of any link
	Opens    Engaged           `json:"opens"`
	Links    []LinkUse         `json:"links"` // the most followed by people first
}

// Engaged is how many did something, and how often.
type Engaged struct {
	People       int64 `json:"people"` // different readers
	Times        int64 `json:"times"`
	Programs     int64 `json:"programs"` // different readers in whose name programs did
	ProgramTimes int64 `json:"program_times"`
}

// LinkUse is how a link was followed.
type LinkUse struct {
	Number int    `json:"number"` // in the order of the text
	URL    string `json:"url"`
	Engaged
}

// Readership returns what readers did with the messages of a campaign.
func (s *Service) Readership(ctx context.Context, c postgres.Campaign) (Readership, error) {
	r := Readership{Tracking: c.Settings.Tracking, Links: []LinkUse{}}
	sums, err := s.Store.CampaignEngagement(ctx, c.ID)
	if err != nil {
		return r, err
	}
	links, err := s.Store.CampaignLinks(ctx, c.ID)
	if err != nil {
		return r, err
	}
	byLink := make(map[int]*Engaged, len(links))
	r.Links = make([]LinkUse, len(links))
	for i, l := range links {
		r.Links[i] = LinkUse{Number: l.Number, URL: l.URL}
		byLink[l.Number] = &r.Links[i].Engaged
	}
	for _, sum := range sums {
		of := byLink[sum.Link]
		switch {
		case sum.Kind == engagement.Open:
			of = &r.Opens
		case sum.Link == 0:
			of = &r.Clicks
		}
		switch {
		case of == nil:
		case sum.Machine:
			of.Programs, of.ProgramTimes = sum.Readers, sum.Times
		default:
			of.People, of.Times = sum.Readers, sum.Times
		}
	}
	slices.SortStableFunc(r.Links, func(a, b LinkUse) int { return cmp.Compare(b.People, a.People) })
	return r, nil
}
