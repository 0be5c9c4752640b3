package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// bodyLimit bounds what may be posted: the forms of these pages have a
	// field or two. Only those with a file to import and with the content of a
	// newsletter may be larger.
	bodyLimit = 64 << 10
	// answerWithin is how long a browser may take for a whole answer. Streams
	// and downloads move it on as they go.
	answerWithin = 30 * time.Second

	// Scripts and styles come from our own files only: what a newsletter, a
	// name or a server's reply brings along is never run.
	teamPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	publicPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// guard stands before every answer.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", teamPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// Not every ResponseWriter has deadlines; those of net/http have.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
		limit := int64(bodyLimit)
		if isUpload(r) {
			limit = uploadBody
		} else if isImages(r) {
			limit = imageBody
		} else if isCompose(r) {
			limit = composeBody
		}
		if !isProgram(r) { // the API bounds its bodies itself, each call as it needs
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		}
		if r.Method == http.MethodGet {
			r = r.WithContext(service.WithPatience(r.Context(), time.Now().Add(s.patience)))
		}
		defer s.recovered(w, r)
		next.ServeHTTP(w, r)
	})
}

// isProgram reports whether a request is meant for the API.
func isProgram(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/v1/") }

// recovered turns a panic into the page for things that went wrong.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause) // an answer that broke off must not look complete
	}
	s.log.Error("a page panicked", "path", pathOnly(r), "stack", string(debug.Stack()))
	s.publicFault(w, r, fmt.Errorf("panic: %v", cause))
}

// unindexed is for pages whose address is a secret of one recipient: nobody
// keeps them, passes their address on or lists them.
func (s *Server) unindexed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", publicPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		next.ServeHTTP(w, r)
	})
}

// onlyTeam keeps out what another site made a browser do. Until somebody is
// entered, it also lets pass only who knows the password or sits at this machine;
// afterwards each page asks for a login ([Server.asks]).
func (s *Server) onlyTeam(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peopled, err := s.hasPeople(r)
		switch {
		case err != nil:
			s.publicFault(w, r, err)
		case peopled:
			if s.sameOrigin.Check(r) != nil {
				s.teamFault(w, r, errCrossSite)
				return
			}
			next.ServeHTTP(w, r)
		case s.password != "" && !s.knowsPassword(r):
			w.Header().Set("WWW-Authenticate", `Basic realm="Headway", charset="UTF-8"`)
			s.publicFault(w, r, errPassword)
		case s.password == "" && !(namesLoopback(r.Host) && namesLoopback(r.RemoteAddr)):
			s.publicFault(w, r, errForeignName)
		case s.sameOrigin.Check(r) != nil:
			s.teamFault(w, r, errCrossSite)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hasPeople reports whether somebody is entered, so that a login is needed.
func (s *Server) hasPeople(r *http.Request) (bool, error) {
	if s.peopled.Load() {
		return true, nil
	}
	any, err := s.service.AnyUser(r.Context())
	if err == nil && any {
		s.peopled.Store(true)
	}
	return any, err
}

// monitor lets pass programs with a token of the API, and people who may look.
func (s *Server) monitor(next http.Handler) http.Handler {
	people := s.asks(auth.Look, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, isToken := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !isToken {
			people.ServeHTTP(w, r)
			return
		}
		if _, err := s.service.Authenticate(r.Context(), token); err != nil {
			s.publicFault(w, r, errToken)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knowsPassword compares in constant time, whatever the lengths.
func (s *Server) knowsPassword(r *http.Request) bool {
	name, password, ok := r.BasicAuth()
	if !ok {
		return false
	}
	given, right := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(s.password))
	return subtle.ConstantTimeCompare(given[:], right[:])&subtle.ConstantTimeCompare([]byte(name), []byte(userName)) == 1
}

// namesLoopback reports whether a Host header speaks of this machine. Without a
// password that is what keeps out a foreign site whose name was made to resolve
// to 127.0.0.1 (DNS rebinding).
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
