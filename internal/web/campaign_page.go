package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign"
)

// idOf reads the number of what a path names.
func idOf(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0, errNoPage
	}
	return id, nil
}

// showCampaign is the live page of a campaign; with .json at the end of its
// address, the same figures for programs.
func (s *Server) showCampaign(w http.ResponseWriter, r *http.Request) error {
	name, asJSON := strings.CutSuffix(r.PathValue("id"), ".json")
	id, err := idOf(name)
	if err != nil {
		return err
	}
	snapshot, err := s.snapshots.take(r.Context(), id)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, newCampaignView(snapshot, len(snapshot.Providers)))
	}
	view := newCampaignView(snapshot, providerRows)
	f := frame{Title: view.Name, Section: "campaigns", Page: view}
	if !view.Settled() {
		f.Live = fmt.Sprintf("/campaigns/%d/live", id)
	}
	return s.render(w, r, http.StatusOK, "campaign", f)
}

// campaignNow returns the view of a campaign, of a moment ago at most.
func (s *Server) campaignNow(ctx context.Context, id int64) (campaignView, error) {
	snapshot, err := s.snapshots.take(ctx, id)
	if err != nil {
		return campaignView{}, err
	}
	return newCampaignView(snapshot, providerRows), nil
}

// campaignLive is the live part of a campaign's page.
func (s *Server) campaignLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	draw := func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.campaignNow(ctx, id)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("campaign", "live", view)
		return fragment, view.Settled(), err
	}
	if _, err := s.campaignNow(r.Context(), id); err != nil {
		return err // a campaign that does not exist is said at once, not in a stream
	}
	return s.live(w, r, fmt.Sprintf("campaign %d", id), draw)
}

// askCancel asks before what cannot be taken back.
func (s *Server) askCancel(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	view, err := s.campaignNow(r.Context(), id)
	if err != nil {
		return err
	}
	if _, err := view.State.After(campaign.Cancel); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "cancel", frame{Title: "Cancel " + view.Name, Section: "campaigns", Page: view})
}

// changeCampaign does what a button says and goes back to the campaign.
func (s *Server) changeCampaign(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	verb := campaign.Verb(r.PathValue("verb"))
	switch verb {
	case campaign.Pause, campaign.Resume, campaign.Cancel, campaign.Unschedule:
	case campaign.RetryFailed:
		return s.retryCampaign(w, r, id)
	case "resume-series", "end-series":
		return s.changeSeries(w, r, id, string(verb))
	default:
		return errNoPage
	}
	if err := s.service.DoAs(r.Context(), id, verb, actor(r)); err != nil {
		return err
	}
	s.snapshots.changed(id)
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", id), http.StatusSeeOther)
	return nil
}

// writeJSON answers with a view model for programs.
func writeJSON(w http.ResponseWriter, view any) error {
	body, err := json.MarshalIndent(view, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // a visitor who hung up misses nothing
	return nil
}
