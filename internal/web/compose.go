package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// composeBody bounds the form with the content, which a browser may write three
// times as long as it is.
const composeBody = 4 << 20

// isCompose reports whether a request brings the content of a newsletter.
func isCompose(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/campaigns" || r.URL.Path == "/templates" || strings.HasPrefix(r.URL.Path, "/api/v1/templates") ||
		strings.HasPrefix(r.URL.Path, "/campaigns/") && (strings.HasSuffix(r.URL.Path, "/edit") || strings.HasSuffix(r.URL.Path, "/autosave")))
}

// step is one page on the way of a draft.
type step struct {
	Path, Words string
	Here        bool
}

// draftSteps are the pages of a draft in their order; here is the path of one.
func draftSteps(here string) []step {
	steps := []step{{Path: "edit", Words: "Compose"}, {Path: "preview", Words: "Preview and test"},
		{Path: "audience", Words: "Audience"}, {Path: "schedule", Words: "Review and schedule"}}
	for i := range steps {
		steps[i].Here = steps[i].Path == here
	}
	return steps
}

// composeView is the form with what a newsletter says.
type composeView struct {
	ID       int64 // 0 before it is saved for the first time
	Name     string
	Content  campaign.Content
	Format   string // markdown, html or text
	Body     string
	Text     string // the plain text part, when it is written by hand
	Layouts  []layoutChoice
	Problems map[string]string // by the name of the field
	Refused  string            // why nothing was saved
	Saved    bool
	Last     postgres.Saved // the last save, which the form is based on
	Newer    string         // who has saved it since, and when; empty when nobody has
	Fields   []service.MergeField
	Steps    []step
	Shelf    shelfView // images to put in
}

// layoutChoice is a layout in words.
type layoutChoice struct {
	Layout       message.Layout
	Words, Means string
	Chosen       bool
}

// SubjectHint says how long the subject is.
func (v composeView) SubjectHint() string {
	return lengthHint(v.Content.Subject, "phones show about 40 characters, desktops 70")
}

// PreheaderHint says how long the preheader is.
func (v composeView) PreheaderHint() string {
	return lengthHint(v.Content.Preheader, "inboxes show 40 to 100 characters behind the subject")
}

func lengthHint(text, shown string) string {
	if n := utf8.RuneCountInString(text); n > 0 {
		return plural(int64(n), "character", "characters") + "; " + shown + "."
	}
	return capital(shown) + "."
}

// Clock is the time of day of the last save.
func (v composeView) Clock() string { return v.Last.At.UTC().Format("15:04 UTC") }

func newComposeView(id int64, name string, c campaign.Content, last postgres.Saved) composeView {
	v := composeView{ID: id, Name: name, Content: c, Last: last, Format: "markdown", Body: c.Markdown, Text: c.Text, Steps: draftSteps("edit")}
	switch {
	case c.Markdown != "":
	case c.HTML != "":
		v.Format, v.Body = "html", c.HTML
	case c.Text != "":
		v.Format, v.Body, v.Text = "text", c.Text, ""
	}
	if name == service.Unnamed {
		v.Name = ""
	}
	chosen := message.Layout(c.Layout)
	if chosen == "" {
		chosen = message.LayoutLetter
	}
	for _, l := range []layoutChoice{
		{Layout: message.LayoutPlain, Words: "Plain", Means: "like a mail that somebody typed"},
		{Layout: message.LayoutLetter, Words: "Letter", Means: "one calm column"},
		{Layout: message.LayoutNewsletter, Words: "Newsletter", Means: "a sheet under your name"},
	} {
		l.Chosen = l.Layout == chosen
		v.Layouts = append(v.Layouts, l)
	}
	return v
}

// offer adds the templates of people's own to the layouts.
func (v *composeView) offer(own []postgres.Template) {
	for _, t := range own {
		layout := service.LayoutOf(t.ID)
		v.Layouts = append(v.Layouts, layoutChoice{Layout: message.Layout(layout), Words: t.Name, Means: "your template", Chosen: layout == v.Content.Layout})
	}
	if v.Content.Frame != "" && !slices.ContainsFunc(v.Layouts, func(l layoutChoice) bool { return l.Chosen }) {
		v.Layouts = append(v.Layouts, layoutChoice{Layout: message.Layout(v.Content.Layout), Words: "A template that was deleted", Means: "this draft keeps its copy", Chosen: true})
	}
}

func (s *Server) newCampaign(w http.ResponseWriter, r *http.Request) error {
	c, err := s.service.Blank(r.Context())
	if err != nil {
		return err
	}
	return s.renderCompose(w, r, http.StatusOK, newComposeView(0, "", c, postgres.Saved{}))
}

func (s *Server) editCampaign(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	view := newComposeView(c.ID, c.Name, c.Content, c.Saved)
	view.Saved = r.URL.Query().Has("saved")
	view.Problems = problemsByField(s.service.Problems(c), view.Format)
	return s.renderCompose(w, r, http.StatusOK, view)
}

func (s *Server) renderCompose(w http.ResponseWriter, r *http.Request, status int, view composeView) error {
	var err error
	if view.Fields, err = s.service.MergeFields(r.Context(), view.ID); err != nil {
		return err
	}
	own, err := s.service.Store.Templates(r.Context())
	if err != nil {
		return err
	}
	view.offer(own)
	if view.Shelf, err = s.shelf(r); err != nil {
		return err
	}
	title := "New campaign"
	if view.ID != 0 {
		title = cmp.Or(view.Name, service.Unnamed)
	}
	return s.render(w, r, status, "compose", frame{Title: title, Section: "campaigns", Aids: []string{"vendor/htmx.min.js", "insert.js"}, Script: "autosave.js", Page: view})
}

var errNoDraft = &refusal{Status: http.StatusConflict, Title: "This campaign is not a draft any more",
	Words: "Only drafts can be changed. Unschedule it first if it has not started, or clone it."}

// draftOf finds the draft that a path names.
func (s *Server) draftOf(r *http.Request) (postgres.Campaign, error) {
	c, err := s.campaignOf(r)
	if err == nil && c.State != campaign.Draft {
		err = errNoDraft
	}
	return c, err
}

// campaignOf finds the campaign that a path names.
func (s *Server) campaignOf(r *http.Request) (postgres.Campaign, error) {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return postgres.Campaign{}, err
	}
	c, err := s.service.Store.Campaign(r.Context(), id)
	if err == nil && c.System {
		err = errNoPage
	}
	return c, err
}

// startDraft saves a newsletter for the first time.
func (s *Server) startDraft(w http.ResponseWriter, r *http.Request) error {
	f, err := composed(r)
	if err != nil {
		return err
	}
	id, err := s.service.StartDraft(r.Context(), f.name, f.content, actor(r))
	return s.composedAs(w, r, id, f, err)
}

// saveDraft saves it again.
func (s *Server) saveDraft(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	f, err := composed(r)
	if err != nil {
		return err
	}
	_, err = s.service.SaveDraft(r.Context(), c.ID, f.name, f.content, f.revision, actor(r))
	return s.composedAs(w, r, c.ID, f, err)
}

// composedAs answers to a form that was saved, or was not.
func (s *Server) composedAs(w http.ResponseWriter, r *http.Request, id int64, f composeForm, err error) error {
	var overtaken *postgres.Overtaken
	switch {
	case errors.As(err, &overtaken):
		// The form comes back with what was written, based on the newer save: to
		// save it now is to replace that one, knowingly.
		view := newComposeView(id, f.name, f.content, overtaken.Saved)
		view.Newer = saver(r, overtaken.Saved) + " saved it at " + view.Clock()
		return s.renderCompose(w, r, http.StatusConflict, view)
	case errors.Is(err, service.ErrTooLong):
		view := newComposeView(id, f.name, f.content, postgres.Saved{Revision: f.revision})
		view.Refused = capital(err.Error()) + "."
		return s.renderCompose(w, r, http.StatusUnprocessableEntity, view)
	case err != nil:
		return err
	}
	s.snapshots.changed(id)
	next := "edit?saved"
	if r.PostForm.Get("then") == "preview" {
		next = "preview"
	}
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d/%s", id, next), http.StatusSeeOther)
	return nil
}

// composeForm is what somebody has written.
type composeForm struct {
	name     string
	content  campaign.Content
	revision int64 // that it is based on; 0: whichever is there
}

// composed reads the form.
func composed(r *http.Request) (composeForm, error) {
	var f composeForm
	if err := r.ParseForm(); err != nil {
		return f, errBadForm
	}
	get := r.PostForm.Get
	if text := get("revision"); text != "" {
		var err error
		if f.revision, err = strconv.ParseInt(text, 10, 64); err != nil || f.revision < 0 {
			return f, errBadForm
		}
	}
	lines := func(field string) string { return strings.ReplaceAll(get(field), "\r\n", "\n") }
	c := campaign.Content{FromName: get("from_name"), FromAddress: strings.TrimSpace(get("from_address")), ReplyTo: strings.TrimSpace(get("reply_to")),
		Subject: get("subject"), Preheader: get("preheader"), PostalAddress: strings.TrimSpace(lines("postal_address")),
		Text: strings.TrimSpace(lines("text")), Layout: string(message.LayoutLetter)}
	if known := slices.Contains(message.Layouts(), message.Layout(get("layout"))); known || strings.HasPrefix(get("layout"), "template:") {
		c.Layout = get("layout")
	}
	switch body := lines("body"); get("format") {
	case "html":
		c.HTML = body
	case "text":
		c.Text = body
	default:
		c.Markdown = body
	}
	f.name, f.content = strings.TrimSpace(get("name")), c
	return f, nil
}

// problemsByField says beside which field a mistake is shown.
func problemsByField(errs message.Errors, format string) map[string]string {
	problems := make(map[string]string)
	for _, e := range errs {
		field := string(e.Part)
		switch e.Part {
		case message.PartFrom:
			field = "from_address"
		case message.PartHTML, message.PartMarkdown:
			field = "body"
		case message.PartText:
			if format == "text" || e.Line == 0 {
				field = "body"
			}
		}
		words := capital(e.Where()+e.Problem) + ". " + capital(e.Advice) + "."
		if problems[field] != "" {
			words = problems[field] + " " + words
		}
		problems[field] = words
	}
	return problems
}

// cloneCampaign makes a draft of a campaign and opens it.
func (s *Server) cloneCampaign(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	id, err := s.service.Clone(r.Context(), c.ID, actor(r))
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d/edit", id), http.StatusSeeOther)
	return nil
}

// askDelete asks before a draft is gone.
func (s *Server) askDelete(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "delete", frame{Title: "Delete " + c.Name, Section: "campaigns", Page: c})
}

func (s *Server) deleteDraft(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	if err := s.service.DeleteDraft(r.Context(), c.ID, actor(r)); err != nil {
		return err
	}
	s.snapshots.changed(c.ID)
	http.Redirect(w, r, "/campaigns", http.StatusSeeOther)
	return nil
}
