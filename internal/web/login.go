package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// entryView is the page on which somebody logs in, chooses a password, or
// becomes the first owner.
type entryView struct {
	Address string
	Name    string
	Next    string
	Problem string
	Least   int // characters of a password
}

func (s *Server) askLogin(w http.ResponseWriter, r *http.Request) error {
	if v, err := s.identify(r); err == nil {
		if v.Nobody {
			http.Redirect(w, r, "/welcome", http.StatusSeeOther)
		} else {
			http.Redirect(w, r, afterLogin(r.URL.Query().Get("next")), http.StatusSeeOther)
		}
		return nil
	}
	return s.renderLogin(w, r, http.StatusOK, entryView{Next: afterLogin(r.URL.Query().Get("next"))})
}

func (s *Server) renderLogin(w http.ResponseWriter, r *http.Request, status int, view entryView) error {
	return s.render(w, r, status, "login", frame{Title: "Log in", Page: view})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	view := entryView{Address: r.PostForm.Get("address"), Next: afterLogin(r.PostForm.Get("next"))}
	secret, err := s.service.Login(r.Context(), view.Address, r.PostForm.Get("password"), s.network(r), r.UserAgent())
	var tooMany *service.TooManyLogins
	switch {
	case errors.Is(err, service.ErrBadLogin):
		view.Problem = "Address and password do not belong together."
		return s.renderLogin(w, r, http.StatusUnprocessableEntity, view)
	case errors.As(err, &tooMany):
		view.Problem = capital(tooMany.Error()) + "."
		return s.renderLogin(w, r, http.StatusTooManyRequests, view)
	case err != nil:
		return err
	}
	http.SetCookie(w, sessionCookie(r, secret, service.SessionLife))
	http.Redirect(w, r, view.Next, http.StatusSeeOther)
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.service.Logout(r.Context(), sessionSecret(r)); err != nil {
		return err
	}
	http.SetCookie(w, sessionCookie(r, "", 0))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// afterLogin is where to go after a login: a page of ours, never another site's.
func afterLogin(wanted string) string {
	if !strings.HasPrefix(wanted, "/") || strings.HasPrefix(wanted, "//") || strings.ContainsAny(wanted, "\\\r\n\t") ||
		strings.HasPrefix(wanted, "/login") {
		return "/"
	}
	return wanted
}

// network is where a browser is: its address, IPv6 by the network that one
// subscriber has. Behind a trusted proxy it is what that proxy says.
func (s *Server) network(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		prefix, err := addr.Prefix(64)
		if err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}

func (s *Server) trusts(addr netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

func (s *Server) askWelcome(w http.ResponseWriter, r *http.Request) error {
	if v, err := s.identify(r); err != nil || !v.Nobody {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return s.renderWelcome(w, r, http.StatusOK, entryView{})
}

func (s *Server) renderWelcome(w http.ResponseWriter, r *http.Request, status int, view entryView) error {
	view.Least = auth.PasswordLeast
	return s.render(w, r, status, "welcome", frame{Title: "Welcome to Headway", Page: view})
}

// welcome makes the first owner and logs them in.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	view := entryView{Address: strings.TrimSpace(r.PostForm.Get("address")), Name: strings.TrimSpace(r.PostForm.Get("name"))}
	password := r.PostForm.Get("password")
	err := s.service.FirstOwner(r.Context(), service.NewUser{Address: view.Address, Name: view.Name}, password)
	switch {
	case errors.Is(err, postgres.ErrNotEmpty):
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return nil
	case err != nil:
		view.Problem = capital(err.Error()) + "."
		return s.renderWelcome(w, r, http.StatusUnprocessableEntity, view)
	}
	if s.service.Config.Sandbox.Enabled {
		return s.enter(w, r, view.Address, password, "/")
	}
	return s.enter(w, r, view.Address, password, "/setup")
}

// enter logs in who has just chosen a password, and leads them on.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, address, password, next string) error {
	secret, err := s.service.Login(r.Context(), address, password, s.network(r), r.UserAgent())
	if err != nil {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return nil
	}
	http.SetCookie(w, sessionCookie(r, secret, service.SessionLife))
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *Server) askJoin(w http.ResponseWriter, r *http.Request) error {
	return s.renderJoin(w, r, http.StatusOK, "")
}

func (s *Server) renderJoin(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	u, err := s.service.LinkOwner(r.Context(), r.PathValue("secret"))
	if errors.Is(err, service.ErrLinkOver) {
		return &refusal{Status: http.StatusGone, Title: "This link is not good any more", Words: "It was used, replaced by a newer one, or is too old. Ask an owner for another."}
	}
	if err != nil {
		return err
	}
	return s.render(w, r, status, "join", frame{Title: "Choose a password",
		Page: entryView{Address: u.Address, Name: u.Name, Problem: problem, Least: auth.PasswordLeast}})
}

func (s *Server) join(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	u, err := s.service.LinkOwner(r.Context(), r.PathValue("secret"))
	if err != nil {
		return s.renderJoin(w, r, http.StatusOK, "")
	}
	password := r.PostForm.Get("password")
	if err := s.service.ChoosePassword(r.Context(), r.PathValue("secret"), password); err != nil {
		return s.renderJoin(w, r, http.StatusUnprocessableEntity, capital(err.Error())+".")
	}
	return s.enter(w, r, u.Address, password, "/")
}
