package web

import (
	"fmt"
	"net/http"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

// retryView is what can be sent again of a finished campaign.
type retryView struct {
	ID   int64
	Name string
	Plan service.RetryPlan
	Some bool // something can
}

// askRetry says what could be sent again, and asks which states.
func (s *Server) askRetry(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := s.service.Store.Campaign(r.Context(), id)
	if err != nil {
		return err
	}
	plan, err := s.service.PlanRetry(r.Context(), id, campaign.Retryable())
	if err != nil {
		return err
	}
	view := retryView{ID: id, Name: c.Name, Plan: plan, Some: plan.Again > 0}
	return s.render(w, r, http.StatusOK, "retry", frame{Title: "Send again: " + c.Name, Section: "campaigns", Page: view})
}

// retryCampaign queues the chosen states again and goes back to the campaign.
func (s *Server) retryCampaign(w http.ResponseWriter, r *http.Request, id int64) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	states, err := campaign.ParseRetryable(r.Form["state"])
	if err != nil {
		http.Redirect(w, r, fmt.Sprintf("/campaigns/%d/retry", id), http.StatusSeeOther)
		return nil
	}
	if _, err := s.service.Retry(r.Context(), id, states, actor(r)); err != nil {
		return err
	}
	s.snapshots.changed(id)
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", id), http.StatusSeeOther)
	return nil
}
