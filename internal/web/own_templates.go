package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// templatesView is the index of the templates of people's own.
type templatesView struct{ Templates []postgres.Template }

func (s *Server) listTemplates(w http.ResponseWriter, r *http.Request) error {
	found, err := s.service.Store.Templates(r.Context())
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "templates", frame{Title: "Templates", Section: "templates", Page: templatesView{found}})
}

// templateView is the page of one template.
type templateView struct {
	ID      int64 // 0 before it is saved
	Name    string
	HTML    string
	Saved   bool
	Problem string // why it was not saved
	Field   string // which field that is about
	Shows   []letterShow
	Show    string
	Frame   string // where the sample comes from; empty before it is saved
}

// firstTemplate is what a new template begins with.
const firstTemplate = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
body { margin: 0; background: #ffffff; color: #1f2328; }
.sheet { max-width: 600px; margin: 0 auto; padding: 24px 16px; font: 16px/1.6 sans-serif; }
@media (prefers-color-scheme: dark) { body { background: #15181c; color: #e6e8ea; } a { color: #8ab4f8; } }
</style>
</head>
<body>
<div class="sheet">
{{ content }}
</div>
</body>
</html>
`

func (s *Server) showTemplate(w http.ResponseWriter, r *http.Request) error {
	view := templateView{HTML: firstTemplate, Show: "desktop"}
	if r.PathValue("id") != "new" {
		id, err := idOf(r.PathValue("id"))
		if err != nil {
			return err
		}
		t, err := s.service.Store.Template(r.Context(), id)
		if err != nil {
			return err
		}
		view.ID, view.Name, view.HTML, view.Saved = t.ID, t.Name, t.HTML, r.URL.Query().Has("saved")
	}
	return s.renderTemplate(w, r, http.StatusOK, view)
}

func (s *Server) renderTemplate(w http.ResponseWriter, r *http.Request, status int, view templateView) error {
	title := "New template"
	if view.ID != 0 {
		title = view.Name
		for _, show := range letterShows[:4] { // those that are not text
			show.Here = show.Key == r.URL.Query().Get("show") || r.URL.Query().Get("show") == "" && show.Key == "desktop"
			if show.Here {
				view.Show = show.Key
			}
			show.Href = "?show=" + show.Key
			view.Shows = append(view.Shows, show)
		}
		view.Frame = fmt.Sprintf("/templates/%d/look", view.ID)
		if strings.HasSuffix(view.Show, "dark") {
			view.Frame += "?dark=1"
		}
	}
	w.Header().Set("Content-Security-Policy", framingPolicy)
	return s.render(w, r, status, "template", frame{Title: title, Section: "templates", Page: view})
}

// templateHTML is a sample newsletter in a template, for the frame.
func (s *Server) templateHTML(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	t, err := s.service.Store.Template(r.Context(), id)
	if err != nil {
		return err
	}
	letter, err := s.service.SampleLetter(t)
	if err != nil {
		return err
	}
	writeLetter(w, letter.Rendered.HTML, r.URL.Query().Has("dark"))
	return nil
}

// saveTemplate makes a template, or changes the one that the form names.
func (s *Server) saveTemplate(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	id, err := idOf(r.PostForm.Get("id"))
	if err != nil {
		return errBadForm
	}
	view := templateView{ID: id, Name: strings.TrimSpace(r.PostForm.Get("name")), HTML: strings.ReplaceAll(r.PostForm.Get("html"), "\r\n", "\n"), Show: "desktop"}
	saved, err := s.service.SaveTemplate(r.Context(), id, view.Name, view.HTML, actor(r))
	var mistakes message.Errors
	switch {
	case errors.As(err, &mistakes):
		view.Field, view.Problem = "html", capital(mistakes[0].Where()+mistakes[0].Problem)+". "+capital(mistakes[0].Advice)+"."
		return s.renderTemplate(w, r, http.StatusUnprocessableEntity, view)
	case errors.Is(err, service.ErrTemplateName):
		view.Field, view.Problem = "name", capital(err.Error())+"."
		return s.renderTemplate(w, r, http.StatusUnprocessableEntity, view)
	case err != nil:
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/templates/%d?saved", saved), http.StatusSeeOther)
	return nil
}

func (s *Server) deleteTemplate(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.service.DeleteTemplate(r.Context(), id, actor(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/templates", http.StatusSeeOther)
	return nil
}
