package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// healthWithin is how long the database may take to show a sign of life.
const healthWithin = 2 * time.Second

// healthy says whether this process can do its work: it touches the database.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthWithin)
	defer cancel()
	if err := s.service.Store.Ping(ctx); err != nil {
		s.log.Warn("the database gives no sign of life", "error", err)
		plain(w, http.StatusServiceUnavailable, "the database gives no sign of life\n")
		return
	}
	plain(w, http.StatusOK, "ok\n")
}

// ready says whether requests should be sent here: not when it is going away.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.closing.Err() != nil {
		plain(w, http.StatusServiceUnavailable, "going away\n")
		return
	}
	s.healthy(w, r)
}

// plain answers with a line of text.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a visitor who hung up misses nothing
}
