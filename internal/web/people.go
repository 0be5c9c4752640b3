package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
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
	Why     string // why it was not mailed
	Mailed  string // who gets a mail
	Nobody  bool
	Audit   []postgres.AuditEntry
}

type personView struct {
	postgres.User
	State string
	Mail  string // what became of the message with their link
	Reply string // of their server, when it did not take it
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
	links, err := s.service.Store.UserLinks(r.Context(), time.Now())
	if err != nil {
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
		if u.Address == r.URL.Query().Get("mailed") && links[u.ID].Campaign != 0 {
			view.Mailed = u.Address
		}
		if u.Disabled == nil {
			p.Mail, p.Reply = linkMailWords(links[u.ID])
		}
		if u.LastLogin != nil {
			p.Since = stamp(*u.LastLogin)
		}
		view.People = append(view.People, p)
	}
	return s.render(w, r, status, "people", frame{Title: "People", Section: "people", Script: "copy.js", Page: view})
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
		link    service.HandOver
		err     error
	)
	switch r.PathValue("verb") {
	case "invite":
		view.Address, view.Name, view.Role = address, r.PostForm.Get("name"), auth.Role(r.PostForm.Get("role"))
		link, err = s.service.InviteByMail(ctx, service.NewUser{Address: address, Name: view.Name, Role: view.Role}, s.pagesURL(r), by)
	case "link":
		link, err = s.service.LinkByMail(ctx, address, s.pagesURL(r), by)
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
	if link.Secret != "" {
		view = peopleView{LinkFor: address, Link: s.pagesURL(r) + "/join/" + link.Secret, Why: link.Why}
		return s.renderPeople(w, r, http.StatusOK, view)
	}
	next := "/people"
	if link.Mailed {
		next += "?" + url.Values{"mailed": {link.To}}.Encode()
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// linkMailWords says what became of the message with a person's link.
func linkMailWords(l postgres.SentLink) (words, reply string) {
	switch {
	case l.Campaign == 0:
		return "", ""
	case l.State == campaign.Delivered:
		return "mail delivered", ""
	case l.State == campaign.Deferred:
		return "mail put off, tried again", l.Reply
	case l.State.Final() && l.State != "":
		return "mail " + strings.ToLower(l.State.Words()), l.Reply
	}
	return "mail on its way", ""
}

// pagesURL is how people reach these pages: as it is set, or else as who is
// logged in does.
func (s *Server) pagesURL(r *http.Request) string {
	return cmp.Or(strings.TrimSuffix(s.service.Config.Web.TeamURL, "/"), origin(r))
}

// origin is how the visitor reaches these pages.
func origin(r *http.Request) string {
	if secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
