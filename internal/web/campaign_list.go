package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// campaignLine is a campaign in a list.
type campaignLine struct {
	ID       int64
	Name     string
	Subject  string
	State    campaign.State
	Words    string
	Counters campaign.Counters
	Bar      bar
	Rate     *float64 // messages delivered per second now; nil when not known
	Opened   bool     // its recipients are known
	When     string   // the date that matters in its state
}

func newCampaignLine(c postgres.Campaign) campaignLine {
	return campaignLine{ID: c.ID, Name: c.Name, Subject: c.Content.Subject, State: c.State,
		Words: service.StateWords(c, time.Now()), Counters: c.Counters, Bar: newBar(c.Counters),
		Opened: c.Counters.Targeted > 0 || c.State != campaign.Draft && c.State != campaign.Scheduled, When: whenOf(c)}
}

// whenOf says the date that matters in a campaign's state.
func whenOf(c postgres.Campaign) string {
	switch {
	case c.State == campaign.Scheduled && c.Series != nil:
		return "Repeats; next " + campaign.WordsForStart(c.ScheduledAt, c.TimeZone, c.ScheduledAt)
	case c.State == campaign.Scheduled:
		return "Starts " + campaign.WordsForStart(c.ScheduledAt, c.TimeZone, c.ScheduledAt)
	case c.State.Final() && !c.FinishedAt.IsZero():
		return c.State.Words(c.Counters) + " " + stamp(c.FinishedAt)
	case !c.LaunchedAt.IsZero():
		return "Launched " + stamp(c.LaunchedAt)
	}
	return "Made " + stamp(c.CreatedAt)
}

// campaignListView is a page of the list of campaigns, newest first.
type campaignListView struct {
	At        time.Time
	Search    string // in names and subjects
	Campaigns []campaignLine
	First     bool  // no page is before this one
	Older     int64 // where the next page begins; 0 when there is none
}

// listLength is how many campaigns stand on a page.
const listLength = 50

// listCampaigns shows all campaigns, page by page.
func (s *Server) listCampaigns(w http.ResponseWriter, r *http.Request) error {
	before, err := keyOf(r, "before")
	if err != nil {
		return err
	}
	view := campaignListView{At: time.Now(), First: before == 0, Search: strings.TrimSpace(r.URL.Query().Get("search"))}
	if before == 0 {
		before = 1<<63 - 1
	}
	store := s.service.Store
	found, err := store.CampaignsBefore(r.Context(), before, listLength+1)
	if view.Search != "" {
		found, err = store.CampaignsFound(r.Context(), view.Search, before, listLength+1)
	}
	if err != nil {
		return err
	}
	if len(found) > listLength {
		found = found[:listLength]
		view.Older = found[listLength-1].ID
	}
	for _, c := range found {
		view.Campaigns = append(view.Campaigns, newCampaignLine(c))
	}
	return s.render(w, r, http.StatusOK, "campaigns", frame{Title: "Campaigns", Section: "campaigns", Page: view})
}

// keyOf reads the key after which a page begins; 0 when there is none.
func keyOf(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	key, err := strconv.ParseInt(text, 10, 64)
	if err != nil || key < 0 {
		return 0, errNoPage
	}
	return key, nil
}
