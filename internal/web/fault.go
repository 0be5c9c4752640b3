package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// refusal is an error that the visitor may read.
type refusal struct {
	Status int
	Title  string
	Words  string // what was wrong and what to do
	ID     string // where to look in the log; empty when nothing went wrong with us
}

func (r *refusal) Error() string { return r.Title }

var (
	errPassword = &refusal{Status: http.StatusUnauthorized, Title: "A password is needed",
		Words: "The user name is headway; the password stands in the settings as web.password."}
	errToken = &refusal{Status: http.StatusUnauthorized, Title: "This token is not good",
		Words: "It is not known, or was revoked. `headway token list` shows all."}
	errForeignName = &refusal{Status: http.StatusMisdirectedRequest, Title: "These pages are for this machine only",
		Words: "They were asked for under another name. Use http://127.0.0.1 or http://localhost on this machine, make the owner account there or with headway user add, or set web.password in the settings."}
	errCrossSite = &refusal{Status: http.StatusForbidden, Title: "This came from another site",
		Words: "Only Headway's own pages may change anything. Go back to the page and press the button there."}
	errBadForm = &refusal{Status: http.StatusBadRequest, Title: "This form could not be read",
		Words: "Go back to the page and try again."}
	errUnwritable = &refusal{Status: http.StatusBadRequest, Title: "This text cannot be read",
		Words: "It holds bytes that are no text in UTF-8. Go back, write it anew, and try again."}
)

// faultView is the page of an error.
type faultView struct {
	*refusal
	Back deliveryLink // to what was asked about, where that exists; else empty
}

// wayBack leads to the page of what could not be changed: it is in another state
// than the visitor saw.
func wayBack(r *http.Request, why *refusal) deliveryLink {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if why.Status != http.StatusConflict || len(parts) < 3 {
		return deliveryLink{}
	}
	for _, one := range [][2]string{{"campaigns", "campaign"}, {"imports", "import"}, {"lists", "list"}, {"segments", "segment"}, {"images", "image"}} {
		if parts[0] == one[0] {
			return deliveryLink{Words: "To the " + one[1], Href: "/" + parts[0] + "/" + parts[1]}
		}
	}
	return deliveryLink{}
}

// explain finds what a visitor is told about an error. Errors that are not
// known here are told to the log only.
func (s *Server) explain(r *http.Request, err error) *refusal {
	var (
		known    *refusal
		method   *fault405
		notReady *service.NotReady
		blocked  *service.Blocked
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &method):
		return &refusal{Status: http.StatusMethodNotAllowed, Title: "That does not work here",
			Words: "The page exists, but it cannot be asked for in this way."}
	case errors.As(err, &notReady):
		return &refusal{Status: http.StatusConflict, Title: "Not yet", Words: notReady.Error()}
	case errors.As(err, &blocked):
		return &refusal{Status: http.StatusConflict, Title: "Not yet", Words: blocked.Error()}
	case errors.Is(err, service.ErrNoSeries), errors.Is(err, service.ErrRule):
		return &refusal{Status: http.StatusConflict, Title: "The series does not go on", Words: "Its rule names no more days, or it was ended. Schedule the campaign anew."}
	case errors.Is(err, postgres.ErrNoDraft):
		return errNoDraft
	case errors.Is(err, campaign.ErrTransition):
		return &refusal{Status: http.StatusConflict, Title: "The campaign has moved on",
			Words: "It is in another state by now, in which this is not possible. Look at its page again."}
	case errors.Is(err, postgres.ErrNotUndoable):
		return &refusal{Status: http.StatusConflict, Title: "This import cannot be undone",
			Words: "Only one that is done, did something and is not older than 30 days can be. Look at its page again."}
	case postgres.IsUnwritable(err):
		return errUnwritable
	case errors.Is(err, errNoPage), errors.Is(err, postgres.ErrNotFound):
		return &refusal{Status: http.StatusNotFound, Title: "There is nothing here",
			Words: "The address may have a typing mistake, or what it led to does not exist any more."}
	}
	id := rand.Text()[:8]
	s.log.Error("a page could not be made", "id", id, "method", r.Method, "path", pathOnly(r), "error", err)
	return &refusal{Status: http.StatusInternalServerError, Title: "Something went wrong", ID: id,
		Words: "It is our fault, not yours, and it is written down in the log. Try again in a moment."}
}

// pathOnly is the path for the log, without the secret of an unsubscribe link or
// an invitation.
func pathOnly(r *http.Request) string {
	for _, secret := range []string{"/u/", "/v/", "/c/", "/o/", "/join/"} {
		if strings.HasPrefix(r.URL.Path, secret) {
			return secret + "…"
		}
	}
	return r.URL.Path
}

// teamFault answers with the page of an error, with the way back.
func (s *Server) teamFault(w http.ResponseWriter, r *http.Request, err error) {
	s.writeFault(w, r, err, "fault")
}

// publicFault answers with the page of an error for people who know nothing of
// Headway.
func (s *Server) publicFault(w http.ResponseWriter, r *http.Request, err error) {
	s.writeFault(w, r, err, "publicfault")
}

func (s *Server) writeFault(w http.ResponseWriter, r *http.Request, err error, page string) {
	if r.Context().Err() != nil {
		return // the browser has gone
	}
	why := s.explain(r, err)
	if err := s.render(w, r, why.Status, page, frame{Title: why.Title, Page: faultView{why, wayBack(r, why)}}); err != nil {
		s.log.Error("the page of an error could not be made", "error", err)
		http.Error(w, why.Title+". "+why.Words, why.Status)
	}
}
