package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// What an unsubscribe page posts: which of its choices was made.
const (
	choiceField      = "leave"
	choiceLists      = "lists"
	choiceEverything = "everything"
	choicePause      = "pause"  // get nothing for a while
	choiceResume     = "resume" // end that
)

// leaveView is the page on which a recipient leaves.
type leaveView struct {
	Token   string // of the link
	Sender  string // who mails; empty when it is not known any more
	Address string
	Lists   []string
	Left    string // what was chosen; empty before
	Gone    bool   // they are on none of the lists any more
	All     bool   // they have left everything
	Pause   pauseView
}

// pauseView is what a reader's page says of a pause.
type pauseView struct {
	Token string
	Until string // nothing is sent before that day; empty without a pause
	Ends  bool   // they may end it
	Offer string // the day until which one would last that is chosen now; empty when none is offered
}

// newPauseView offers a pause to whoever gets something.
func newPauseView(gets preferenceView, reach postgres.Reach, now time.Time) pauseView {
	v := pauseView{Token: gets.Token, Ends: reach.Own}
	switch {
	case !reach.Paused.IsZero():
		v.Until = day(reach.Paused)
	case !reach.Left && (len(gets.On()) > 0 || reach.Unnamed):
		v.Offer = day(now.AddDate(0, 0, service.PauseDays))
	}
	return v
}

// day writes a day for readers.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

var (
	errNoLink = &refusal{Status: http.StatusNotFound, Title: "This link does not work",
		Words: "It is not complete: mail programs sometimes break long links. " +
			"Open the link from the message again, or copy the whole of it into the address bar."}
	errForgotten = &refusal{Status: http.StatusNotFound, Title: "We do not know this address any more",
		Words: "It was removed from our records, so nothing is sent to it. There is nothing left to do."}
	errNoChoice = &refusal{Status: http.StatusBadRequest, Title: "Nothing was chosen",
		Words: "Go back and choose what you want to leave."}
)

// showLeave shows what a link stands for. It changes nothing: mail scanners and
// previews open every link.
func (s *Server) showLeave(w http.ResponseWriter, r *http.Request) error {
	view, err := s.leaving(r)
	if err != nil {
		return err
	}
	gets, found, err := s.preferences(r)
	if err != nil {
		return err
	}
	reach, err := s.service.Reach(r.Context(), found)
	if err != nil {
		return err
	}
	view.Pause = newPauseView(gets, reach, time.Now())
	view.All = reach.Left
	view.Gone = view.All || len(view.Lists) > 0 && !slices.ContainsFunc(gets.On(), func(list string) bool { return slices.Contains(view.Lists, list) })
	return s.render(w, r, http.StatusOK, "leave", frame{Title: "Unsubscribe", Page: view})
}

// leaving reads the link of a request.
func (s *Server) leaving(r *http.Request) (leaveView, error) {
	found, err := s.service.OpenUnsubscribe(r.Context(), s.tokens, r.PathValue("token"))
	switch {
	case errors.Is(err, service.ErrNoSuchLink):
		return leaveView{}, errNoLink
	case errors.Is(err, postgres.ErrNotFound):
		return leaveView{}, errForgotten
	case err != nil:
		return leaveView{}, err
	}
	view := leaveView{Token: r.PathValue("token"), Address: found.Address, Lists: found.Lists}
	view.Sender, err = s.senderOf(r, found.Campaign)
	return view, err
}

// senderOf returns who a campaign's messages come from; nothing when it is not
// known any more.
func (s *Server) senderOf(r *http.Request, id int64) (string, error) {
	from, err := s.service.Store.Campaign(r.Context(), id)
	if err != nil && !errors.Is(err, postgres.ErrNotFound) {
		return "", err
	}
	return from.Content.FromName, nil
}

// leave acts at once. A mail program's one-click request (RFC 8058 §3.2) gets a
// line of text, a person the page that says what was done. Saying it twice does
// no harm, so that a link keeps working after somebody else followed it.
func (s *Server) leave(w http.ResponseWriter, r *http.Request) error {
	oneClick, err := isOneClick(r)
	if err != nil {
		return errBadForm
	}
	if oneClick {
		return s.leaveByOneClick(w, r)
	}
	if s.isCrossSite(r) {
		return errCrossSite
	}
	view, err := s.leaving(r)
	if err != nil {
		return err
	}
	view.Left = r.PostFormValue(choiceField)
	if view.Left == choicePause || view.Left == choiceResume {
		return s.pause(w, r, view)
	}
	if view.Left != choiceEverything && (view.Left != choiceLists || len(view.Lists) == 0) {
		return errNoChoice
	}
	err = s.service.Unsubscribe(r.Context(), s.tokens, r.PathValue("token"), view.Left == choiceEverything, "page")
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "leave", frame{Title: "Unsubscribed", Page: view})
}

// pause begins or ends a pause.
func (s *Server) pause(w http.ResponseWriter, r *http.Request, view leaveView) error {
	gets, found, err := s.preferences(r)
	if err != nil {
		return err
	}
	title := "No pause any more"
	if view.Left == choiceResume {
		err = s.service.EndPause(r.Context(), found)
	} else {
		title = "Paused"
		_, err = s.service.Pause(r.Context(), found)
	}
	if err != nil {
		return err
	}
	reach, err := s.service.Reach(r.Context(), found)
	if err != nil {
		return err
	}
	view.All, view.Pause = reach.Left, newPauseView(gets, reach, time.Now())
	return s.render(w, r, http.StatusOK, "leave", frame{Title: title, Page: view})
}

// leaveByOneClick leaves the lists of the message, or everything when it went
// to no list.
func (s *Server) leaveByOneClick(w http.ResponseWriter, r *http.Request) error {
	view, err := s.leaving(r)
	if err != nil && !errors.Is(err, errForgotten) {
		return err
	}
	err = s.service.Unsubscribe(r.Context(), s.tokens, r.PathValue("token"), len(view.Lists) == 0, "one-click")
	if err != nil {
		return err
	}
	plain(w, http.StatusOK, "You are unsubscribed.\n")
	return nil
}

// isOneClick reads the form of a request and reports whether it is a mail
// program's: List-Unsubscribe=One-Click, as a form of either kind (RFC 8058
// §3.1). Programs that forget to name the kind are understood too.
func isOneClick(r *http.Request) (bool, error) {
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return false, fmt.Errorf("form: %w", err)
	}
	if err := r.ParseMultipartForm(bodyLimit); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return false, fmt.Errorf("form: %w", err)
	}
	return r.PostFormValue("List-Unsubscribe") == "One-Click", nil
}

// isCrossSite reports whether another site made the browser post. Pages that
// pass no address on, as ours, let old browsers say that their origin is null.
func (s *Server) isCrossSite(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return false
	}
	return s.sameOrigin.Check(r) != nil
}
