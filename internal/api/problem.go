package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// Problem is why a call was not carried out (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"Always about:blank: the code tells problems apart."`
	Title  string `json:"title" doc:"The status in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Code   string `json:"code" doc:"What went wrong, for programs; it does not change."`
	Detail string `json:"detail" doc:"What was wrong and what to do, for people."`
	Field  string `json:"field,omitzero" doc:"The field of the body or the query that was wrong."`
	ID     string `json:"id,omitzero" doc:"Where to look in the log, when the fault is ours."`

	retryAfter time.Duration
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// problem finds what the caller is told about an error. Errors that are not
// known here are told to the log only.
func (s *Server) problem(r *http.Request, err error) *Problem {
	var (
		known   *Problem
		unknown *service.UnknownProvider
		bad     *service.BadOverrule
		unready *service.NotReady
		large   *http.MaxBytesError
	)
	if p := imageProblem(err); p != nil {
		return p
	}
	if p := templateProblem(err); p != nil {
		return p
	}
	if p := importProblem(err); p != nil {
		return p
	}
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &unknown):
		return &Problem{Status: http.StatusNotFound, Code: "unknown_provider", Detail: unknown.Error()}
	case errors.As(err, &bad):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Detail: bad.Words, Field: bad.Field}
	case errors.As(err, &unready):
		return &Problem{Status: http.StatusConflict, Code: "not_ready", Detail: unready.Error()}
	case errors.As(err, &large):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large",
			Detail: "the body may have " + strconv.FormatInt(large.Limit, 10) + " bytes"}
	case postgres.IsUnwritable(err):
		return &Problem{Status: http.StatusBadRequest, Code: "invalid_text", Detail: "a text holds the character U+0000 or bytes that are no UTF-8; leave them out"}
	case errors.Is(err, campaign.ErrTransition):
		return &Problem{Status: http.StatusConflict, Code: "wrong_state", Detail: err.Error()}
	case errors.Is(err, postgres.ErrNotFound):
		return &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: err.Error()}
	}
	id := rand.Text()[:8]
	s.log.Error("a call to the API failed", "id", id, "method", r.Method, "path", r.URL.Path, "error", err)
	return &Problem{Status: http.StatusInternalServerError, Code: "internal", ID: id,
		Detail: "it is our fault, not yours, and it is written down in the log; try again in a moment"}
}

// refuse answers with a problem.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the caller has gone
	}
	p := *s.problem(r, err)
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	written, err := json.Marshal(p)
	if err != nil {
		s.log.Error("a problem could not be written", "error", err)
		http.Error(w, p.Detail, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="Headway"`)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds()+1)))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(written, '\n')) // a caller who hung up misses nothing
}
