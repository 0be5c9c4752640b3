package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/headwaymail/headway/internal/service"
)

// contactAsk is the page that asks before something is done to a contact.
type contactAsk struct {
	ID      int64
	Address string
	Verb    string
	List    string // that a suppression is lifted for; empty: everywhere
	Title   string
	Words   string
	Button  string
	Label   string // of the note; empty: none is asked for
	Must    bool   // the note is needed
	Danger  bool
	Note    string
	Problem string
}

// contactVerbs explain what can be done.
var contactVerbs = map[string]contactAsk{
	"unsubscribe": {Title: "Unsubscribe", Words: "They asked to leave in some other way than by a link. They get no campaign any more, whatever list they are on, and no import brings them back.",
		Button: "Unsubscribe", Label: "How they asked, for those who come later"},
	"suppress": {Title: "Suppress", Words: "Nothing is sent to this address any more, from the next message on, until somebody lifts it.",
		Button: "Suppress", Label: "Why", Must: true},
	"lift": {Title: "Lift the suppression of", Words: "The address may be mailed again. The reason is kept. A complaint is never lifted.",
		Button: "Lift it", Label: "Why it may be mailed again", Must: true},
	"erase": {Title: "Erase", Words: "Everything that is known of this person is forgotten: fields, lists, and replies that name the address. A keyed hash stays, so that no import brings them back, and the figures of campaigns stay. It cannot be taken back.",
		Button: "Erase for good", Danger: true},
}

func (s *Server) readContactAsk(r *http.Request, verb string) (contactAsk, error) {
	ask, ok := contactVerbs[verb]
	if !ok {
		return ask, errNoPage
	}
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return ask, err
	}
	ask.Verb, ask.ID, ask.List, ask.Note = verb, id, r.FormValue("list"), strings.TrimSpace(r.FormValue("note"))
	ask.Address, err = s.service.Store.ContactAddress(r.Context(), id)
	return ask, err
}

func (s *Server) renderContactAsk(w http.ResponseWriter, r *http.Request, status int, ask contactAsk) error {
	return s.render(w, r, status, "contactask", frame{Title: ask.Title + " " + ask.Address, Section: "contact", Page: ask})
}

func (s *Server) askContact(w http.ResponseWriter, r *http.Request) error {
	verb := r.PathValue("verb")
	if verb == "erase" {
		return errNoPage // it stands on a page for owners
	}
	ask, err := s.readContactAsk(r, verb)
	if err != nil {
		return err
	}
	return s.renderContactAsk(w, r, http.StatusOK, ask)
}

func (s *Server) askErase(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.readContactAsk(r, "erase")
	if err != nil {
		return err
	}
	return s.renderContactAsk(w, r, http.StatusOK, ask)
}

func (s *Server) changeContact(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.readContactAsk(r, r.PathValue("verb"))
	if err != nil {
		return err
	}
	ctx, by := r.Context(), actor(r)
	switch {
	case ask.Must && ask.Note == "":
		ask.Problem = "Write down why: others will want to know."
		return s.renderContactAsk(w, r, http.StatusUnprocessableEntity, ask)
	case ask.Verb == "unsubscribe":
		err = s.service.UnsubscribeContact(ctx, ask.ID, ask.Note, by)
	case ask.Verb == "suppress":
		_, err = s.service.Suppress(ctx, service.Suppressing{What: ask.Address, Note: ask.Note, By: by.String()})
	case ask.Verb == "lift":
		err = s.service.Lift(ctx, service.Lifting{What: ask.Address, List: ask.List, Note: ask.Note, By: by.String()})
	default:
		return errNoPage
	}
	if words := wishRefused(err); words != "" {
		ask.Problem = words
		return s.renderContactAsk(w, r, http.StatusUnprocessableEntity, ask)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/contacts/%d", ask.ID), http.StatusSeeOther)
	return nil
}

func (s *Server) eraseContact(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.service.EraseContact(r.Context(), id, actor(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/lists", http.StatusSeeOther)
	return nil
}
