package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/headwaymail/headway/internal/service"
)

// queueRetryView asks whether what was put off is to be due now.
type queueRetryView struct {
	Provider int64  // 0: all
	Name     string // of the provider
	Plan     service.DeferredRetry
	Hidden   int // providers beyond those that are shown
}

// queueRetryLines bounds the providers that are named.
const queueRetryLines = 8

// retriedField tells the queue page how many messages were made due.
const retriedField = "retried"

// askQueueRetry says how many messages would be due. It changes nothing.
func (s *Server) askQueueRetry(w http.ResponseWriter, r *http.Request) error {
	id, err := optionalProvider(r)
	if err != nil {
		return err
	}
	plan, err := s.service.PlanRetryDeferred(r.Context(), id)
	if err != nil {
		return err
	}
	view := queueRetryView{Provider: id, Name: plan.Name, Plan: plan, Hidden: max(0, len(plan.Providers)-queueRetryLines)}
	view.Plan.Providers = plan.Providers[:len(plan.Providers)-view.Hidden]
	return s.render(w, r, http.StatusOK, "queueretry", frame{Title: "Retry deferred now", Section: "queue", Page: view})
}

// retryQueue makes what was put off due, and goes back to the queue.
func (s *Server) retryQueue(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	id, err := optionalProvider(r)
	if err != nil {
		return err
	}
	done, err := s.service.RetryDeferred(r.Context(), id, actor(r))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/queue?"+url.Values{retriedField: {strconv.FormatInt(done.Messages, 10)}}.Encode(), http.StatusSeeOther)
	return nil
}

// optionalProvider reads which provider a request means; 0 is all.
func optionalProvider(r *http.Request) (int64, error) {
	text := r.FormValue("provider")
	if text == "" {
		return 0, nil
	}
	return idOf(text)
}

// retriedWords says what was made due, from the address of the page.
func retriedWords(r *http.Request) string {
	n, err := strconv.ParseInt(r.URL.Query().Get(retriedField), 10, 64)
	switch {
	case err != nil || n < 0:
		return ""
	case n == 0:
		return "Nothing was put off that was not due already."
	}
	return fmt.Sprintf("%s due now. Paces, holds and sending hours decide when each goes out.", plural(n, "message is", "messages are"))
}
