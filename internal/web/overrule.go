package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// overruleView is the page of a decision by hand: first its form, then what
// would follow, with the button that carries it out.
type overruleView struct {
	Provider postgres.Provider
	Verb     service.Verb
	Title    string
	Means    string // what the decision is
	For      string // of a hold, as it was chosen
	Until    string // of a hold: as it was typed, then as it was understood
	Rate     string // of a cap, as it was typed
	Note     string
	Problem  string
	Asked    bool // the form was filled in: Preview holds
	Preview  service.Preview
	Spans    []choice
}

// choice is an entry of a select.
type choice struct {
	Value, Words string
	Chosen       bool
}

// overruleWords are the titles of the pages, and what each decision is.
var overruleWords = map[service.Verb][2]string{
	service.Hold:    {"Hold", "Nothing is sent there until a time. Then one message asks whether the way is free, and sending begins again."},
	service.Release: {"Release", "The hold or pause ends now."},
	service.Cap:     {"Cap the pace of", "The pacer goes on deciding, but never above a rate. The cap stays until it is lifted here."},
	service.Reset:   {"Forget what was learned of", "The pacer begins as if nothing had ever been sent there. Do this when you know that the limits have changed."},
}

// askOverrule shows the form of a decision, or, when it is filled in, what
// would follow.
func (s *Server) askOverrule(w http.ResponseWriter, r *http.Request) error {
	view, o, err := s.readOverrule(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	view.Asked = query.Has("note") || view.Verb == service.Release || view.Verb == service.Reset
	if !view.Asked {
		return s.renderOverrule(w, r, http.StatusOK, view)
	}
	if view.Problem == "" {
		view.Preview, err = s.service.Preview(r.Context(), view.Provider.ID, o)
		view.Problem, err = problemOf(err)
		if err != nil {
			return err
		}
	}
	if view.Problem != "" {
		view.Asked = false
		return s.renderOverrule(w, r, http.StatusUnprocessableEntity, view)
	}
	if o.Verb == service.Hold {
		view.Until = o.Until.UTC().Format(time.RFC3339)
	}
	return s.renderOverrule(w, r, http.StatusOK, view)
}

// overrule carries a decision out and goes back to the provider.
func (s *Server) overrule(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	view, o, err := s.readOverrule(r)
	if err != nil {
		return err
	}
	if view.Problem == "" {
		_, err = s.service.Overrule(r.Context(), view.Provider.ID, o, actor(r))
		if view.Problem, err = problemOf(err); err != nil {
			return err
		}
	}
	if view.Problem != "" {
		return s.renderOverrule(w, r, http.StatusUnprocessableEntity, view)
	}
	http.Redirect(w, r, fmt.Sprintf("/providers/%d", view.Provider.ID), http.StatusSeeOther)
	return nil
}

func (s *Server) renderOverrule(w http.ResponseWriter, r *http.Request, status int, view overruleView) error {
	return s.render(w, r, status, "overrule", frame{Title: view.Title + " " + view.Provider.Name, Section: "providers", Page: view})
}

// problemOf returns the words of an error that the form can mend.
func problemOf(err error) (string, error) {
	var bad *service.BadOverrule
	if errors.As(err, &bad) {
		return capital(bad.Words) + ".", nil
	}
	return "", err
}

// readOverrule reads a decision from the query or the form. What cannot be
// understood is the view's problem.
func (s *Server) readOverrule(r *http.Request) (overruleView, service.Overrule, error) {
	verb := service.Verb(r.PathValue("verb"))
	words, ok := overruleWords[verb]
	if !ok {
		return overruleView{}, service.Overrule{}, errNoPage
	}
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return overruleView{}, service.Overrule{}, err
	}
	known, err := s.service.Provider(r.Context(), id)
	if err != nil {
		return overruleView{}, service.Overrule{}, err
	}
	view := overruleView{Provider: known.Provider, Verb: verb, Title: words[0], Means: words[1], For: r.FormValue("for"),
		Until: r.FormValue("until"), Rate: strings.TrimSpace(r.FormValue("rate")), Note: strings.TrimSpace(r.FormValue("note"))}
	o := service.Overrule{Verb: verb, Note: view.Note}
	filled := r.Method == http.MethodPost || r.URL.Query().Has("note")
	switch {
	case verb == service.Hold:
		view.Spans = spans(view.For)
		if filled {
			o.Until, err = endOfHold(view.For, view.Until)
		}
	case verb == service.Cap && filled:
		o.PerSecond, err = service.ParseRate(view.Rate)
	}
	if err != nil {
		view.Problem = capital(err.Error()) + "."
	}
	return view, o, nil
}

// endOfHold reads when a hold ends: the time that was typed, else so long from
// now.
func endOfHold(span, end string) (time.Time, error) {
	now := time.Now()
	if strings.TrimSpace(end) != "" {
		return service.ParseEnd(end, now)
	}
	wait, err := service.ParseSpan(span)
	if err != nil {
		return time.Time{}, errors.New("choose how long nothing is sent, or write the time at which the hold is over")
	}
	return now.Add(wait), nil
}

func spans(chosen string) []choice {
	all := []choice{{"15m", "15 minutes", false}, {"1h", "1 hour", false}, {"2h", "2 hours", false}, {"4h", "4 hours", false},
		{"12h", "12 hours", false}, {"24h", "1 day", false}, {"3d", "3 days", false}}
	if chosen == "" {
		chosen = "1h"
	}
	for i := range all {
		all[i].Chosen = all[i].Value == chosen
	}
	return all
}
