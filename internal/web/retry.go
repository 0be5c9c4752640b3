package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

// retryView is what can be sent again of a finished campaign.
type retryView struct {
	ID      int64
	Name    string
	Plan    service.RetryPlan
	Some    bool // something can
	Counted freshness
}

// askRetry says what could be sent again, and asks which states.
func (s *Server) askRetry(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	view, err := s.retryNow(r.Context(), id)
	if err != nil {
		return err
	}
	f := frame{Title: "Send again: " + view.Name, Section: "campaigns", Page: view}
	if view.Counted.Running {
		f.Live = fmt.Sprintf("/campaigns/%d/retry/live", id)
	}
	return s.render(w, r, http.StatusOK, "retry", f)
}

// retryLive brings the figures once they are counted.
func (s *Server) retryLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := s.retryNow(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("retry %d", id), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.retryNow(ctx, id)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("retry", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

func (s *Server) retryNow(ctx context.Context, id int64) (retryView, error) {
	c, err := s.service.Store.Campaign(ctx, id)
	if err != nil {
		return retryView{}, err
	}
	plan, err := s.service.RetryFigures(ctx, id, figureWait)
	return retryView{ID: id, Name: c.Name, Plan: plan.Value, Some: plan.Value.Again > 0, Counted: newFreshness(plan.At, plan.Running)}, err
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
