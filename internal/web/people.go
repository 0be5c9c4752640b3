package web

import (
	"net/http"
	"strings"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// peopleView is the page of those who work here.
type peopleView struct {
	People  []personView
	Roles   []auth.Role
	Address string // of the form, when it is shown again
	Name    string
	Role    auth.Role
	Problem string
	Link    string // for the person of LinkFor, shown this once
	LinkFor string
	Nobody  bool
	Audit   []postgres.AuditEntry
}

type personView struct {
	postgres.User
	State string
	Since string
}

// auditLines bounds what is shown of the audit log.
const auditLines = 30

func (s *Server) listPeople(w http.ResponseWriter, r *http.Request) error {
	return s.renderPeople(w, r, http.StatusOK, peopleView{})
}

func (s *Server) renderPeople(w http.ResponseWriter, r *http.Request, status int, view peopleView) error {
	users, err := s.service.Store.Users(r.Context())
	if err != nil {
		return err
	}
	if view.Audit, err = s.service.Store.Audit(r.Context(), "", auditLines); err != nil {
		return err
	}
	view.Roles, view.Nobody = auth.Roles(), len(users) == 0
	if view.Role == "" {
		view.Role = auth.Editor
	}
	for _, u := range users {
		p := personView{User: u, State: "Active"}
		switch {
		case u.Disabled != nil:
			p.State = "Locked out"
		case u.Password == "":
			p.State = "Invited"
		}
		if u.LastLogin != nil {
			p.Since = stamp(*u.LastLogin)
		}
		view.People = append(view.People, p)
	}
	return s.render(w, r, status, "people", frame{Title: "People", Section: "people", Page: view})
}

// changePeople invites somebody, or changes what one person may do.
func (s *Server) changePeople(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	var (
		ctx     = r.Context()
		view    peopleView
		by      = actor(r)
		address = strings.TrimSpace(r.PostForm.Get("address"))
		secret  string
		err     error
	)
	switch r.PathValue("verb") {
	case "invite":
		view.Address, view.Name, view.Role = address, r.PostForm.Get("name"), auth.Role(r.PostForm.Get("role"))
		secret, err = s.service.Invite(ctx, service.NewUser{Address: address, Name: view.Name, Role: view.Role}, by)
	case "link":
		secret, err = s.service.ResetPassword(ctx, address, by)
	case "role":
		var role auth.Role
		if role, err = auth.ParseRole(r.PostForm.Get("role")); err == nil {
			err = s.service.ChangeRole(ctx, address, role, by)
		}
	case "disable":
		err = s.service.DisableUser(ctx, address, by)
	case "enable":
		err = s.service.EnableUser(ctx, address, by)
	default:
		return errNoPage
	}
	if err != nil {
		view.Problem = capital(err.Error()) + "."
		return s.renderPeople(w, r, http.StatusUnprocessableEntity, view)
	}
	if secret == "" {
		http.Redirect(w, r, "/people", http.StatusSeeOther)
		return nil
	}
	view = peopleView{LinkFor: address, Link: origin(r) + "/join/" + secret}
	return s.renderPeople(w, r, http.StatusOK, view)
}

// origin is how the visitor reaches these pages.
func origin(r *http.Request) string {
	if secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
