package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// idempotencyHeader names a call, as the IETF's draft
	// draft-ietf-httpapi-idempotency-key-header has it.
	idempotencyHeader = "Idempotency-Key"
	// replayedHeader marks an answer that was given before.
	replayedHeader = "Idempotency-Replayed"
	// longestKey is longer than any UUID.
	longestKey = 255
	// keepWithin is how long keeping an answer may take once it was given.
	keepWithin = 5 * time.Second
)

// once makes a call that changes something, unless it was made before with the
// same key: then its answer is given again. A call that failed on our side is
// forgotten.
func (s *Server) once(w http.ResponseWriter, request *http.Request, r route, c *call, raw []byte, key string) {
	if len(key) > longestKey {
		s.refuse(w, request, &Problem{Status: http.StatusBadRequest, Code: "invalid_idempotency_key",
			Detail: fmt.Sprintf("the %s has %d characters; it may have %d", idempotencyHeader, len(key), longestKey)})
		return
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s\n", request.Method, request.URL.RequestURI())
	hash.Write(raw)
	entry := postgres.APIRequest{Token: c.token.ID, Key: key, Request: hash.Sum(nil)}
	before, repeated, err := s.service.Store.BeginAPIRequest(request.Context(), entry, c.now)
	if err != nil {
		s.refuse(w, request, err)
		return
	}
	if repeated {
		s.replay(w, request, before, entry)
		return
	}
	kept := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		if kept.status < http.StatusInternalServerError && kept.body.Len() > 0 {
			entry.Status, entry.Answer = kept.status, kept.body.Bytes()
		}
		// The caller may have hung up: the answer is kept all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(request.Context()), keepWithin)
		defer cancel()
		if err := s.service.Store.EndAPIRequest(ctx, entry); err != nil {
			s.log.Error("an answer could not be kept", "key", key, "error", err)
		}
	}()
	s.answer(kept, request, r, c, raw)
}

// replay gives an answer again.
func (s *Server) replay(w http.ResponseWriter, request *http.Request, before, entry postgres.APIRequest) {
	switch {
	case !bytes.Equal(before.Request, entry.Request):
		s.refuse(w, request, &Problem{Status: http.StatusConflict, Code: "idempotency_key_reused",
			Detail: "this " + idempotencyHeader + " was used for another call; take a new one for each call"})
	case before.Status == 0:
		s.refuse(w, request, &Problem{Status: http.StatusConflict, Code: "call_under_way", retryAfter: time.Second,
			Detail: "the first call with this " + idempotencyHeader + " is still at work; try again in a moment"})
	default:
		kind := "application/json"
		if before.Status >= http.StatusBadRequest {
			kind = "application/problem+json"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set(replayedHeader, "true")
		w.WriteHeader(before.Status)
		_, _ = w.Write(before.Answer) // a caller who hung up misses nothing
	}
}

// recorder keeps what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write keeps the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}
