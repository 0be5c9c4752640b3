package api

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// authenticate returns the token of a call, if it is in force and its scope is
// wide enough. A token that is right is never made to wait: behind a proxy, all
// callers share one address.
func (s *Server) authenticate(r *http.Request, scope string) (postgres.APIToken, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text = strings.TrimSpace(text)
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return postgres.APIToken{}, &Problem{Status: http.StatusUnauthorized, Code: "token_missing",
			Detail: "a token is needed in the header Authorization: Bearer …; `headway token create` makes one"}
	}
	token, err := s.service.Authenticate(r.Context(), text)
	if errors.Is(err, service.ErrBadToken) {
		if wait := s.failures.failed(callerOf(r), time.Now()); wait > 0 {
			return token, &Problem{Status: http.StatusTooManyRequests, Code: "too_many_failures", retryAfter: wait,
				Detail: "too many calls with a wrong token came from your address; try again later"}
		}
		return token, &Problem{Status: http.StatusUnauthorized, Code: "token_unknown", Detail: err.Error()}
	}
	if err != nil {
		return token, err
	}
	if scope == service.ScopeOperate && token.Scope != service.ScopeOperate {
		return token, &Problem{Status: http.StatusForbidden, Code: "scope_too_narrow",
			Detail: "the token " + token.Name + " may read only; this call needs one with the scope operate"}
	}
	return token, nil
}

// callerOf is the address that a call came from. What headers say about it can
// be made up.
func callerOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
