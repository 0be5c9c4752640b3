package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
)

// suppressionsView is the page of what must not be mailed.
type suppressionsView struct {
	Query   postgres.SuppressionQuery
	Rows    []barView
	Older   string // address of the next page; empty when nothing follows
	CSV     string
	Lists   []string
	Reasons []choice
	Wish    service.Suppressing // of the form, when it is shown again
	Problem string
	Report  *service.SuppressionReport // of a file
	Hidden  int                        // refused rows that are not shown
}

// suppressionLines is how many entries stand on a page.
const suppressionLines = 100

func suppressionQuery(r *http.Request) (postgres.SuppressionQuery, error) {
	v := r.URL.Query()
	before, err := keyOf(r, "before")
	return postgres.SuppressionQuery{Begins: strings.TrimPrefix(strings.ToLower(strings.TrimSpace(v.Get("q"))), "@"), Reason: v.Get("reason"),
		Scope: v.Get("scope"), List: v.Get("list"), Before: before, Limit: suppressionLines}, err
}

func (s *Server) listSuppressions(w http.ResponseWriter, r *http.Request) error {
	return s.renderSuppressions(w, r, http.StatusOK, suppressionsView{})
}

func (s *Server) renderSuppressions(w http.ResponseWriter, r *http.Request, status int, view suppressionsView) error {
	var err error
	if view.Query, err = suppressionQuery(r); err != nil {
		return err
	}
	found, next, err := s.service.Store.SuppressionPage(r.Context(), view.Query)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, e := range found {
		view.Rows = append(view.Rows, newBarView(e, now))
	}
	query := r.URL.Query()
	query.Del("before")
	view.CSV = "/suppressions.csv?" + query.Encode()
	if next != 0 {
		query.Set("before", strconv.FormatInt(next, 10))
		view.Older = "/suppressions?" + query.Encode()
	}
	lists, err := s.service.Store.ListNames(r.Context())
	if err != nil {
		return err
	}
	view.Lists = lists
	for _, reason := range append(listhygiene.SuppressionReasons(), postgres.Paused) {
		view.Reasons = append(view.Reasons, choice{string(reason), capital(reason.Words()), string(reason) == view.Query.Reason})
	}
	if view.Report != nil && len(view.Report.Refused) > shownRefused {
		view.Hidden = len(view.Report.Refused) - shownRefused
		view.Report.Refused = view.Report.Refused[:shownRefused]
	}
	return s.render(w, r, status, "suppressions", frame{Title: "Suppressions", Section: "suppressions", Page: view})
}

// shownRefused is how many refused rows of a file are shown.
const shownRefused = 20

func (s *Server) addSuppression(w http.ResponseWriter, r *http.Request) error {
	wish := service.Suppressing{What: strings.TrimSpace(r.PostFormValue("what")), List: r.PostFormValue("list"),
		Note: r.PostFormValue("note"), By: actor(r).String()}
	_, err := s.service.Suppress(r.Context(), wish)
	if words := wishRefused(err); words != "" {
		return s.renderSuppressions(w, r, http.StatusUnprocessableEntity, suppressionsView{Wish: wish, Problem: words})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/suppressions?"+url.Values{"q": {strings.ToLower(wish.What)}}.Encode(), http.StatusSeeOther)
	return nil
}

// importSuppressions takes a file of addresses and domains.
func (s *Server) importSuppressions(w http.ResponseWriter, r *http.Request) error {
	r.Body = &movingReader{ReadCloser: r.Body, control: http.NewResponseController(w)}
	form, err := r.MultipartReader()
	if err != nil {
		return errBadForm
	}
	for {
		part, err := form.NextPart()
		if err != nil {
			return errNoFile
		}
		if part.FormName() != "file" {
			continue
		}
		if part.FileName() == "" {
			return errNoFile
		}
		report, err := s.service.ImportSuppressions(r.Context(), part, service.Suppressing{
			Reason: listhygiene.ImportedSuppression, Note: "from the file " + part.FileName(), By: actor(r).String()})
		if words := wishRefused(err); words != "" {
			return s.renderSuppressions(w, r, http.StatusUnprocessableEntity, suppressionsView{Problem: words})
		}
		if err != nil {
			return err
		}
		return s.renderSuppressions(w, r, http.StatusOK, suppressionsView{Report: &report})
	}
}

func (s *Server) downloadSuppressions(w http.ResponseWriter, r *http.Request) error {
	q, err := suppressionQuery(r)
	if err != nil {
		return err
	}
	beginDownload(w, "suppressions.csv")
	s.endDownload(r, s.service.ExportSuppressions(r.Context(),
		postgres.SuppressionFilter{Text: q.Begins, Reason: q.Reason, List: q.List}, movingWriter{w}))
	return nil
}

// liftAsk is the page that asks why something may be mailed again.
type liftAsk struct {
	service.Lifting
	Problem string
}

func readLift(r *http.Request) service.Lifting {
	return service.Lifting{What: r.FormValue("what"), List: r.FormValue("list"), Note: strings.TrimSpace(r.FormValue("note")), By: actor(r).String()}
}

func (s *Server) askLift(w http.ResponseWriter, r *http.Request) error {
	return s.renderLift(w, r, http.StatusOK, liftAsk{Lifting: readLift(r)})
}

func (s *Server) renderLift(w http.ResponseWriter, r *http.Request, status int, ask liftAsk) error {
	return s.render(w, r, status, "lift", frame{Title: "Lift the suppression of " + ask.What, Section: "suppressions", Page: ask})
}

func (s *Server) lift(w http.ResponseWriter, r *http.Request) error {
	wish := readLift(r)
	err := s.service.Lift(r.Context(), wish)
	if words := wishRefused(err); words != "" {
		return s.renderLift(w, r, http.StatusUnprocessableEntity, liftAsk{wish, words})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/suppressions", http.StatusSeeOther)
	return nil
}

// wishRefused says what is wrong with something a person asked for, in words for
// them; nothing when the error, if any, is not theirs.
func wishRefused(err error) string {
	for _, theirs := range []error{service.ErrSuppression, postgres.ErrNotLiftable, postgres.ErrExists, postgres.ErrInUse, service.ErrListName} {
		if errors.Is(err, theirs) {
			return capital(err.Error()) + "."
		}
	}
	return ""
}
