package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// listsView is the index of lists.
type listsView struct {
	Lists   []listLine
	Counted freshness // the members
	Name    string    // of the form, when it is shown again
	Problem string
}

// listLine is one list with what is known of its members.
type listLine struct {
	postgres.ListCounts
	Known bool         // its members are counted
	Bars  []verdictBar // side by side, X filled in
	Words string       // of the verdicts
	Share string       // subscribed
}

func (s *Server) listLists(w http.ResponseWriter, r *http.Request) error {
	return s.renderLists(w, r, http.StatusOK, listsView{})
}

func (s *Server) renderLists(w http.ResponseWriter, r *http.Request, status int, view listsView) error {
	if err := s.fillLists(r.Context(), &view); err != nil {
		return err
	}
	f := frame{Title: "Lists", Section: "lists", Page: view}
	if view.Counted.Running {
		f.Live = "/lists/live"
	}
	return s.render(w, r, status, "lists", f)
}

// listsLive brings the figures once they are counted.
func (s *Server) listsLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "lists", func(ctx context.Context) ([]byte, bool, error) {
		var view listsView
		if err := s.fillLists(ctx, &view); err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("lists", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

// fillLists shows all lists; the members of large ones as they were counted last.
func (s *Server) fillLists(ctx context.Context, view *listsView) error {
	index, err := s.service.Store.ListIndex(ctx)
	if err != nil {
		return err
	}
	counted, err := s.service.ListCounts(ctx, figureWait)
	if err != nil {
		return err
	}
	view.Counted = newFreshness(counted.At, counted.Running)
	figures := make(map[int64]postgres.ListCounts, len(counted.Value))
	for _, l := range counted.Value {
		figures[l.ID] = l
	}
	for _, l := range index {
		known, ok := figures[l.ID]
		line := listLine{ListCounts: known, Known: ok, Share: share(known.Subscribed, known.Members), Words: "Not verified yet"}
		line.ID, line.Name = l.ID, l.Name
		newest, err := s.service.Store.NewestListVerification(ctx, l.ID)
		if err != nil && !errors.Is(err, postgres.ErrNotFound) {
			return err
		}
		if err == nil {
			verdicts := newVerdictsView(newest, time.Now())
			line.Bars, line.Words = verdicts.Bars, verdicts.Words
			if verdicts.Import != 0 {
				line.Words += ": its last import"
			}
		}
		view.Lists = append(view.Lists, line)
	}
	return nil
}

// Parts lay the verdicts side by side.
func (l listLine) Parts() []barPart {
	parts := make([]barPart, 0, len(l.Bars))
	x := 0
	for _, b := range l.Bars {
		parts = append(parts, barPart{State: campaign.DeliveryState(b.Fill), X: x, W: b.W, Words: capital(string(b.Verdict)), Count: b.Count, Share: b.Share})
		x += b.W
	}
	return parts
}

// Label is what the bar of verdicts says to those who do not see it.
func (l listLine) Label() string {
	words := make([]string, 0, len(l.Bars))
	for _, b := range l.Bars {
		words = append(words, string(b.Verdict)+" "+count(b.Count))
	}
	return "Verdicts: " + strings.Join(words, ", ")
}

func (s *Server) createList(w http.ResponseWriter, r *http.Request) error {
	name := r.PostFormValue("name")
	err := s.service.CreateList(r.Context(), name)
	if words := wishRefused(err); words != "" {
		return s.renderLists(w, r, http.StatusUnprocessableEntity, listsView{Name: name, Problem: words})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/lists", http.StatusSeeOther)
	return nil
}

// listEdit is the page that renames or deletes a list.
type listEdit struct {
	ID      int64
	Name    string
	To      string
	Public  string // what readers see; empty: the name
	Problem string
}

func (s *Server) editList(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.readListEdit(r)
	if err != nil {
		return err
	}
	return s.renderListEdit(w, r, http.StatusOK, edit)
}

func (s *Server) readListEdit(r *http.Request) (listEdit, error) {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return listEdit{}, err
	}
	l, err := s.service.Store.ListPolicy(r.Context(), id)
	if err != nil {
		return listEdit{}, err
	}
	public, err := s.service.Store.PublicName(r.Context(), id)
	return listEdit{ID: id, Name: l.Name, To: l.Name, Public: public}, err
}

func (s *Server) renderListEdit(w http.ResponseWriter, r *http.Request, status int, edit listEdit) error {
	return s.render(w, r, status, "listedit", frame{Title: "Rename or delete " + edit.Name, Section: "lists", Page: edit})
}

func (s *Server) renameList(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.readListEdit(r)
	if err != nil {
		return err
	}
	edit.To = r.PostFormValue("name")
	if edit.To != edit.Name || !r.PostForm.Has("public_name") {
		err = s.service.RenameList(r.Context(), edit.Name, edit.To)
	}
	if err == nil && r.PostForm.Has("public_name") {
		edit.Public = r.PostForm.Get("public_name")
		err = s.service.SetPublicName(r.Context(), edit.To, edit.Public)
	}
	return s.afterListEdit(w, r, edit, err, fmt.Sprintf("/lists/%d", edit.ID))
}

func (s *Server) deleteList(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.readListEdit(r)
	if err != nil {
		return err
	}
	return s.afterListEdit(w, r, edit, s.service.DeleteList(r.Context(), edit.Name), "/lists")
}

func (s *Server) afterListEdit(w http.ResponseWriter, r *http.Request, edit listEdit, err error, to string) error {
	if words := wishRefused(err); words != "" {
		edit.Problem = words
		return s.renderListEdit(w, r, http.StatusUnprocessableEntity, edit)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// membersView is a page of the members of a list.
type membersView struct {
	ID       int64
	Name     string
	Query    string
	Status   string
	Verdict  string
	Statuses []choice
	Verdicts []choice
	Rows     []memberRow
	Next     string // address of the next page; empty when nothing follows
	CSV      string
}

type memberRow struct {
	postgres.Member
	When  string
	Words string // the status, and where it differs the one everywhere
	Fill  string
	Why   string
}

// memberLines is how many members stand on a page.
const memberLines = 100

func memberFilter(r *http.Request, list int64, limit int) (postgres.MemberFilter, error) {
	v := r.URL.Query()
	after, err := keyOf(r, "after")
	return postgres.MemberFilter{List: list, Begins: strings.ToLower(strings.TrimSpace(v.Get("q"))), Status: v.Get("status"),
		Verdict: v.Get("verdict"), After: after, Limit: limit}, err
}

func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.readListEdit(r)
	if err != nil {
		return err
	}
	f, err := memberFilter(r, edit.ID, memberLines)
	if err != nil {
		return err
	}
	found, next, err := s.service.Store.Members(r.Context(), f)
	if err != nil {
		return err
	}
	view := membersView{ID: edit.ID, Name: edit.Name, Query: f.Begins, Status: f.Status, Verdict: f.Verdict}
	for _, status := range []string{"subscribed", "unconfirmed", "unsubscribed"} {
		view.Statuses = append(view.Statuses, choice{status, capital(status), status == f.Status})
	}
	for _, verdict := range listhygiene.Verdicts() {
		view.Verdicts = append(view.Verdicts, choice{string(verdict), capital(string(verdict)), string(verdict) == f.Verdict})
	}
	for _, m := range found {
		view.Rows = append(view.Rows, newMemberRow(m))
	}
	query := r.URL.Query()
	query.Del("after")
	base := fmt.Sprintf("/lists/%d/members", edit.ID)
	view.CSV = base + ".csv?" + query.Encode()
	if next != 0 {
		query.Set("after", strconv.FormatInt(next, 10))
		view.Next = base + "?" + query.Encode()
	}
	return s.render(w, r, http.StatusOK, "members", frame{Title: "Members of " + edit.Name, Section: "lists", Page: view})
}

func newMemberRow(m postgres.Member) memberRow {
	row := memberRow{Member: m, When: m.Since.UTC().Format("2 Jan 2006"), Words: capital(m.Status), Fill: verdictFills[listhygiene.Verdict(m.Verdict)]}
	if m.Contact != "active" && m.Contact != m.Status {
		row.Words += ", " + m.Contact
	}
	if len(m.Reasons) > 0 {
		row.Why = listhygiene.Reason(m.Reasons[0]).Words()
	}
	return row
}

// downloadMembers sends the members of a list that the filter wants as CSV.
func (s *Server) downloadMembers(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.readListEdit(r)
	if err != nil {
		return err
	}
	f, err := memberFilter(r, edit.ID, downloadLength)
	if err != nil {
		return err
	}
	beginDownload(w, fmt.Sprintf("list-%d-members.csv", edit.ID))
	rows := intake.NewWriter(movingWriter{w})
	err = rows.Write([]string{"address", "status", "since", "contact_status", "verdict", "reasons"})
	for more := true; err == nil && more; {
		var found []postgres.Member
		var next int64
		found, next, err = s.service.Store.Members(r.Context(), f)
		for _, m := range found {
			err = errors.Join(err, rows.Write([]string{m.Address, m.Status, m.Since.UTC().Format(time.RFC3339), m.Contact, m.Verdict,
				strings.Join(m.Reasons, " ")}))
		}
		f.After, more = next, next != 0
	}
	s.endDownload(r, errors.Join(err, rows.Flush()))
	return nil
}
