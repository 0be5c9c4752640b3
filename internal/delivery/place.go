package delivery

import (
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// place is how far a campaign's queue at a provider was claimed. What comes back
// into the queue before it is found when the queue ends, and every few seconds.
type place struct {
	postgres.QueuePlace
	since time.Time // when it was claimed from the beginning
}

// placeLife is how long claims go on from a place: a quarter of a minute later mail
// that came back is due as well.
const placeLife = 15 * time.Second

// place returns where the next claim of a campaign begins.
func (g *gate) place(campaignID int64, now time.Time) postgres.QueuePlace {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.places[campaignID]
	if now.Sub(p.since) > placeLife {
		delete(g.places, campaignID)
		return postgres.QueuePlace{}
	}
	return p.QueuePlace
}

// passed notes how far a claim came that found as much as it was to.
func (g *gate) passed(campaignID int64, rows []postgres.Claimed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, known := g.places[campaignID]
	if !known {
		p.since = g.now()
	}
	for _, d := range rows {
		if at := (postgres.QueuePlace{Due: d.Due, Delivery: d.Delivery}); d.State == campaign.Queued && p.Before(at) {
			p.QueuePlace = at
		}
	}
	g.places[campaignID] = p
}

// fromBeginning lets the next claim of a campaign look at its whole queue.
func (g *gate) fromBeginning(campaignID int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.places, campaignID)
}
