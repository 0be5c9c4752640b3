package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// columnsView is the page on which a person says what the columns of an upload
// are, and what is to be done with its rows.
type columnsView struct {
	ID       int64
	FileName string
	Files    []columnsFile
	Skipped  []string
	List     string
	Lists    []string
	Consent  string
	Statuses []choice
	Rules    []choice
	Problem  string
	Checked  bool // it was checked before
	// Encodings to read the text in; empty where that is not in question.
	Encodings []choice
}

type columnsFile struct {
	Number  int
	Name    string
	Found   string // encoding, delimiter, heading in words
	Columns []columnView
}

type columnView struct {
	Number  int
	Heading string
	Field   string
	Roles   []choice
	Sample  []string
}

// roleWords are what a column can be.
var roleWords = []struct {
	role  intake.Role
	words string
}{
	{intake.RoleEmail, "The address"}, {intake.RoleField, "A field, named →"}, {intake.RoleIgnore, "Leave it out"},
	{intake.RoleStatus, "Status: subscribed, unsubscribed, …"}, {intake.RoleOptIn, "Yes: may be mailed"}, {intake.RoleOptOut, "Yes: has left"},
	{intake.RoleConfirmed, "No: has not confirmed"}, {intake.RoleBounced, "Cannot be reached"}, {intake.RoleLeftAt, "When they left"},
	{intake.RoleConsentTime, "When they agreed"}, {intake.RoleConsentIP, "From which IP they agreed"},
	{intake.RoleConsentSource, "Where they agreed"}, {intake.RoleConfirmTime, "When they confirmed"},
	{intake.RoleConfirmIP, "From which IP they confirmed"}, {intake.RoleTags, "Tags, into a field named →"},
	{intake.RoleMoreEmails, "Further addresses, into a field named →"}, {intake.RoleAttributes, "JSON whose members become fields"},
}

var delimiterWords = map[byte]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}

// formatWords say how a file is read.
func formatWords(f intake.Format) string {
	cells := "one value a line"
	if words, ok := delimiterWords[f.Delimiter]; ok {
		cells = "cells between " + words
	}
	heading := "no heading"
	if f.Header {
		heading = "the first row names the columns"
	}
	return f.EncodingWords() + ", " + cells + ", " + heading
}

func newColumnsFile(number int, f service.DraftFile) columnsFile {
	view := columnsFile{Number: number, Name: f.Name, Found: formatWords(f.Format)}
	if f.Mapping.Exporter != "" {
		view.Found += "; an export of " + f.Mapping.Exporter
	}
	for i, c := range f.Mapping.Columns {
		column := columnView{Number: i, Heading: c.Heading, Field: c.Field}
		if column.Heading == "" {
			column.Heading = fmt.Sprintf("Column %d", i+1)
		}
		for _, r := range roleWords {
			column.Roles = append(column.Roles, choice{string(r.role), r.words, r.role == c.Role})
		}
		for _, row := range f.Rows {
			cell := ""
			if i < len(row) {
				cell = cutText(row[i], 60)
			}
			column.Sample = append(column.Sample, cell)
		}
		view.Columns = append(view.Columns, column)
	}
	return view
}

// encodingChoices are the encodings in which the text of a draft may be read: none
// where all of it proves to be UTF-8.
func encodingChoices(files []service.DraftFile) []choice {
	current, open := intake.Encoding(""), false
	for _, f := range files {
		if f.Format.Mark == 0 && (f.Format.Encoding != intake.UTF8 || f.Format.EncodingProposed) {
			current, open = f.Format.Encoding, true
		}
	}
	if !open {
		return nil
	}
	offered := intake.Offered
	if !slices.Contains(offered, current) {
		offered = append([]intake.Encoding{current}, offered...)
	}
	var list []choice
	for _, e := range offered {
		list = append(list, choice{string(e), e.Words(), e == current})
	}
	return list
}

// readDraftAs reads the upload in the encoding of the form, and shows its columns
// anew.
func (s *Server) readDraftAs(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	err = s.service.ReadDraftAs(r.Context(), id, r.PostForm.Get("encoding"))
	if errors.Is(err, service.ErrUpload) {
		draft, drafted := s.service.ImportDraft(r.Context(), id)
		if drafted != nil {
			return drafted
		}
		return s.renderColumns(w, r, http.StatusUnprocessableEntity, draft, service.ImportOptions{List: draft.Import.ListName,
			Consent: draft.Import.Consent, Status: draft.Plan.Options.Status, Rule: draft.Plan.Rule}, capital(err.Error())+".")
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d/columns", id), http.StatusSeeOther)
	return nil
}

// cutText shortens a text for a cell.
func cutText(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

func (s *Server) showColumns(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	draft, err := s.service.ImportDraft(r.Context(), id)
	if err != nil {
		return err
	}
	return s.renderColumns(w, r, http.StatusOK, draft, service.ImportOptions{List: draft.Import.ListName, Consent: draft.Import.Consent,
		Status: draft.Plan.Options.Status, Rule: draft.Plan.Rule}, "")
}

func (s *Server) renderColumns(w http.ResponseWriter, r *http.Request, status int, draft service.ImportDraft, o service.ImportOptions, problem string) error {
	lists, err := s.service.Store.ListNames(r.Context())
	if err != nil {
		return err
	}
	view := columnsView{ID: draft.Import.ID, FileName: draft.Import.FileName, List: o.List, Lists: lists, Consent: o.Consent, Problem: problem,
		Checked: draft.Import.State == postgres.ImportChecked}
	for i, f := range draft.Files {
		view.Files = append(view.Files, newColumnsFile(i, f))
	}
	view.Encodings = encodingChoices(draft.Files)
	for _, skipped := range draft.Plan.Skipped {
		view.Skipped = append(view.Skipped, skipped.Name+": "+skipped.Problem)
	}
	for _, c := range []choice{{Value: string(intake.Subscribe), Words: "Subscribed: they asked for mail"},
		{Value: string(intake.Unconfirmed), Words: "Unconfirmed: they still have to confirm"},
		{Value: string(intake.SuppressOnly), Words: "Suppressed: never to be mailed"}} {
		c.Chosen = c.Value == string(o.Status)
		view.Statuses = append(view.Statuses, c)
	}
	for _, c := range []choice{{Value: string(postgres.MergeOverwrite), Words: "Overwrite with the file's"},
		{Value: string(postgres.MergeFill), Words: "Only fill in what is missing"}, {Value: string(postgres.MergeSkip), Words: "Leave as they are"}} {
		c.Chosen = c.Value == string(o.Rule)
		view.Rules = append(view.Rules, c)
	}
	return s.render(w, r, status, "columns", frame{Title: "Columns of " + view.FileName, Section: "imports", Page: view})
}

// takeColumns has the upload checked as the form says.
func (s *Server) takeColumns(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	draft, err := s.service.ImportDraft(r.Context(), id)
	if err != nil {
		return err
	}
	columns := make(service.ImportColumns, len(draft.Files))
	for f := range draft.Files {
		columns[f] = draft.Files[f].Mapping.Columns
		for c := range columns[f] {
			readColumn(r, f, c, &columns[f][c])
		}
	}
	o := service.ImportOptions{List: r.PostForm.Get("list"), Consent: r.PostForm.Get("consent"),
		Status: intake.Status(r.PostForm.Get("status")), Rule: postgres.MergeRule(r.PostForm.Get("known"))}
	err = s.service.PlanImport(r.Context(), id, columns, o)
	if errors.Is(err, service.ErrUpload) {
		return s.renderColumns(w, r, http.StatusUnprocessableEntity, draft, o, capital(err.Error())+".")
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d", id), http.StatusSeeOther)
	return nil
}

// readColumn takes what the form says of one column.
func readColumn(r *http.Request, file, number int, c *intake.Column) {
	role := r.PostForm.Get(fmt.Sprintf("role-%d-%d", file, number))
	for _, known := range roleWords {
		if string(known.role) == role {
			c.Role = known.role
		}
	}
	c.Field = ""
	switch c.Role {
	case intake.RoleField, intake.RoleTags, intake.RoleMoreEmails:
		c.Field = cutText(strings.TrimSpace(r.PostForm.Get(fmt.Sprintf("field-%d-%d", file, number))), fieldNameLimit)
	}
}

// fieldNameLimit bounds the name of a field, in characters.
const fieldNameLimit = 60

// sampleView is the first rows of one kind.
type sampleView struct {
	Kind service.ImportKind
	Rows []service.SampleRow
}
