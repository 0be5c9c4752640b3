package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

// forgotView is the page for who has forgotten a password.
type forgotView struct {
	ByMail  bool // a link can be mailed; else an owner makes one
	Asked   bool
	Address string
	Problem string
}

func (s *Server) askForgot(w http.ResponseWriter, r *http.Request) error {
	return s.renderForgot(w, r, http.StatusOK, forgotView{})
}

func (s *Server) renderForgot(w http.ResponseWriter, r *http.Request, status int, view forgotView) error {
	var err error
	if view.ByMail, err = s.service.MailsResets(r.Context()); err != nil {
		return err
	}
	return s.render(w, r, status, "forgot", frame{Title: "Forgotten password", Page: view})
}

// mailWithin is how long a mail may take to be put on its way.
const mailWithin = 30 * time.Second

// forgot answers the same, and equally fast, whoever is asked for: whether
// somebody works here is nobody's business.
func (s *Server) forgot(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	view := forgotView{Address: strings.TrimSpace(r.PostForm.Get("address"))}
	if !strings.Contains(view.Address, "@") {
		view.Problem = "This is not an address."
		return s.renderForgot(w, r, http.StatusUnprocessableEntity, view)
	}
	err := s.service.AskReset(view.Address, s.network(r))
	var tooMany *service.TooManyResets
	switch {
	case errors.As(err, &tooMany):
		view.Problem = capital(tooMany.Error()) + "."
		return s.renderForgot(w, r, http.StatusTooManyRequests, view)
	case err != nil:
		return err
	}
	byMail, err := s.service.MailsResets(r.Context())
	if err != nil {
		return err
	}
	if !byMail {
		return s.renderForgot(w, r, http.StatusOK, forgotView{})
	}
	s.afterwards(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), mailWithin)
		defer cancel()
		if err := s.service.MailReset(ctx, view.Address); err != nil {
			s.log.Error("a way to a new password could not be mailed", "error", err)
		}
	})
	view.Asked = true
	return s.renderForgot(w, r, http.StatusOK, view)
}
