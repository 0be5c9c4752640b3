package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// What a page of preferences posts: the lists that it showed, and those of them
// that the reader wants.
const (
	shownField = "shown"
	keepField  = "keep"
)

// preferenceView is the page on which a reader says which lists they want.
type preferenceView struct {
	Token   string
	Sender  string
	Address string
	Lists   []postgres.Preference
	Saved   bool
	Reach   postgres.Reach
	Pause   pauseView
}

// On are the lists that the reader gets.
func (v preferenceView) On() []string {
	var names []string
	for _, l := range v.Lists {
		if l.On {
			names = append(names, l.Name)
		}
	}
	return names
}

// Left reports whether there is a list that the reader had left.
func (v preferenceView) Left() bool {
	return slices.ContainsFunc(v.Lists, func(l postgres.Preference) bool { return l.Possible })
}

// showPreferences shows what a reader gets. It changes nothing.
func (s *Server) showPreferences(w http.ResponseWriter, r *http.Request) error {
	view, found, err := s.preferences(r)
	if err != nil {
		return err
	}
	if view.Reach, err = s.service.Reach(r.Context(), found); err != nil {
		return err
	}
	view.Pause = newPauseView(view, view.Reach, time.Now())
	view.Saved = r.URL.Query().Has("saved")
	return s.render(w, r, http.StatusOK, "preferences", frame{Title: "What you get", Page: view})
}

// preferences reads the link of a request.
func (s *Server) preferences(r *http.Request) (preferenceView, service.Leaving, error) {
	found, err := s.service.OpenUnsubscribe(r.Context(), s.tokens, r.PathValue("token"))
	switch {
	case errors.Is(err, service.ErrNoSuchLink):
		return preferenceView{}, found, errNoLink
	case errors.Is(err, postgres.ErrNotFound):
		return preferenceView{}, found, errForgotten
	case err != nil:
		return preferenceView{}, found, err
	}
	view := preferenceView{Token: r.PathValue("token"), Address: found.Address}
	if view.Sender, err = s.senderOf(r, found.Campaign); err != nil {
		return view, found, err
	}
	view.Lists, err = s.service.Preferences(r.Context(), found)
	return view, found, err
}

// prefer does what the reader chose. Lists that came to them after the page was
// made stay as they are.
func (s *Server) prefer(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	if s.isCrossSite(r) {
		return errCrossSite
	}
	_, found, err := s.preferences(r)
	if err != nil {
		return err
	}
	shown, err := numbers(r.PostForm[shownField])
	if err != nil {
		return errBadForm
	}
	keep, err := numbers(r.PostForm[keepField])
	if err != nil {
		return errBadForm
	}
	if err := s.service.Prefer(r.Context(), found, shown, keep, s.network(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/u/"+r.PathValue("token")+"/lists?saved", http.StatusSeeOther)
	return nil
}

// numbers reads the ids of a form.
func numbers(texts []string) ([]int64, error) {
	ids := make([]int64, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
