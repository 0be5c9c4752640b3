package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// visitor is who opens a page. Where nobody is entered yet, everybody who gets
// past the guard is the owner.
type visitor struct {
	Name    string
	Address string // empty for nobody
	Role    auth.Role
	Nobody  bool // no user is entered: there is no login
}

// May reports what the visitor may do, for templates.
func (v visitor) May(ability auth.Ability) bool { return v.Role.May(ability) }

// Manages reports whether the visitor may manage people.
func (v visitor) Manages() bool { return v.May(auth.Manage) }

type visitorKey struct{}

// visitorOf returns who opens a page; nobody before the guard has found out.
func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// actor is who works with the pages, for the audit log.
func actor(r *http.Request) service.Actor {
	return service.Actor{Name: visitorOf(r).Name, Door: service.Pages}
}

// cookieName of the session. Over HTTPS its prefix makes the browser insist that
// this host alone set it, for itself alone.
const cookieName, secureCookieName = "headway", "__Host-headway"

// secure says whether the browser speaks HTTPS, to us or to a proxy. Whoever
// makes up the header locks nobody out but himself.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

func sessionCookie(r *http.Request, secret string, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: secret, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true,
		Secure: secure(r), SameSite: http.SameSiteLaxMode}
	if c.Secure {
		c.Name = secureCookieName
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

func sessionSecret(r *http.Request) string {
	name := cookieName
	if secure(r) {
		name = secureCookieName
	}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// asks lets pass whose role has an ability, and sends those who are not logged
// in to the login.
func (s *Server) asks(ability auth.Ability, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.identify(r)
		switch {
		case errors.Is(err, postgres.ErrNotFound):
			s.sendToLogin(w, r)
		case err != nil:
			s.teamFault(w, r, err)
		default:
			r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
			if !v.May(ability) {
				s.teamFault(w, r, notAllowed(v, ability))
				return
			}
			next.ServeHTTP(w, r)
		}
	})
}

// identify finds out who opens a page. The error is [postgres.ErrNotFound] when
// they must log in.
func (s *Server) identify(r *http.Request) (visitor, error) {
	if secret := sessionSecret(r); secret != "" {
		u, err := s.service.Session(r.Context(), secret)
		if err == nil {
			return visitor{Name: u.Name, Address: u.Address, Role: u.Role}, nil
		}
		if !errors.Is(err, postgres.ErrNotFound) {
			return visitor{}, err
		}
	}
	peopled, err := s.hasPeople(r)
	if err == nil && peopled {
		err = postgres.ErrNotFound
	}
	return visitor{Name: userName, Role: auth.Owner, Nobody: true}, err
}

// sendToLogin leads to the login and back; what runs in the background of a page
// is told that its session is over.
func (s *Server) sendToLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || strings.HasSuffix(r.URL.Path, "/live") || r.URL.Path == "/live" {
		s.publicFault(w, r, errLoggedOut)
		return
	}
	http.Redirect(w, r, "/login?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
}

var errLoggedOut = &refusal{Status: http.StatusUnauthorized, Title: "You are not logged in",
	Words: "Nothing was changed. Log in and try again."}

func notAllowed(v visitor, ability auth.Ability) *refusal {
	return &refusal{Status: http.StatusForbidden, Title: "Your role does not allow this",
		Words: "You are logged in as " + v.Name + " (" + string(v.Role) + "). Only people who may " + string(ability) +
			" can do this; an owner can change your role."}
}
