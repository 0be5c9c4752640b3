package web

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// viewPolicy is for a newsletter that somebody reads in a browser. It may have
// styles and pictures, and its links open; it can run nothing, send nothing, and
// is a stranger to the site that it comes from.
const viewPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
	"img-src https: http: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// textView is a plain text newsletter in a browser.
type textView struct{ service.View }

// textRun is a stretch of a text, or a link in it.
type textRun struct {
	Text string
	Link bool
}

var textLink = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?')\]]`)

// Runs are the text and its links, in their order.
func (v textView) Runs() []textRun {
	var runs []textRun
	at := 0
	for _, link := range textLink.FindAllStringIndex(v.Text, -1) {
		runs = append(runs, textRun{Text: v.Text[at:link[0]]}, textRun{Text: v.Text[link[0]:link[1]], Link: true})
		at = link[1]
	}
	return append(runs, textRun{Text: v.Text[at:]})
}

// errPassedOn answers the unsubscribe link of a newsletter that is read in a
// browser.
var errPassedOn = &refusal{Status: http.StatusOK, Title: "Leave from the message itself",
	Words: "A page can be passed on, so its links unsubscribe nobody. " +
		"Open the newsletter in your mail program and use its link to unsubscribe."}

func (s *Server) showPassedOn(http.ResponseWriter, *http.Request) error { return errPassedOn }

// showView is a newsletter as one reader got it.
func (s *Server) showView(w http.ResponseWriter, r *http.Request) error {
	view, err := s.service.OpenView(r.Context(), s.tokens, r.PathValue("token"))
	switch {
	case errors.Is(err, service.ErrNoSuchLink), errors.Is(err, postgres.ErrNotFound):
		return errNoLink
	case err != nil:
		return err
	case view.HTML == "":
		return s.render(w, r, http.StatusOK, "view", frame{Title: view.Subject, Page: textView{view}})
	}
	h := w.Header()
	h.Set("Content-Security-Policy", viewPolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(view.HTML)) // a visitor who hung up misses nothing
	return nil
}
