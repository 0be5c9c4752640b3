package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// Template is a layout of people's own.
type Template struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Bytes     int       `json:"bytes"`
	UpdatedAt time.Time `json:"updated_at"`
}

// NewTemplate is a template as programs see it.
func NewTemplate(t postgres.Template) Template {
	return Template{ID: t.ID, Name: t.Name, Bytes: len(t.HTML), UpdatedAt: utc(t.UpdatedAt)}
}

// TemplateSource is a template with its HTML.
type TemplateSource struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	HTML      string    `json:"html" doc:"A whole document, with {{ content }} where the newsletter goes."`
	UpdatedAt time.Time `json:"updated_at"`
}

// NewTemplateSource is a template as programs see it, with its HTML.
func NewTemplateSource(t postgres.Template) TemplateSource {
	return TemplateSource{ID: t.ID, Name: t.Name, HTML: t.HTML, UpdatedAt: utc(t.UpdatedAt)}
}

func listTemplates(c *call) (any, error) {
	all, err := c.service.Store.Templates(c.Context())
	if err != nil {
		return nil, err
	}
	return newPage(c.page, all, NewTemplate), nil
}

// template finds the template of a call's address.
func (c *call) template() (postgres.Template, error) {
	return c.service.FindTemplate(c.Context(), c.PathValue("template"))
}

func getTemplate(c *call) (any, error) {
	found, err := c.template()
	return NewTemplateSource(found), err
}

// TemplateBody is what a template is to be.
type TemplateBody struct {
	Name string `json:"name"`
	HTML string `json:"html" doc:"A whole document, with {{ content }} where the newsletter goes; 64 KiB at most."`
}

func addTemplate(c *call) (any, error) { return saveTemplate(c, 0) }

func changeTemplate(c *call) (any, error) {
	found, err := c.template()
	if err != nil {
		return nil, err
	}
	body := c.body.(*TemplateBody)
	if body.Name == "" {
		body.Name = found.Name
	}
	if body.HTML == "" {
		body.HTML = found.HTML
	}
	return saveTemplate(c, found.ID)
}

func saveTemplate(c *call, id int64) (any, error) {
	body := c.body.(*TemplateBody)
	id, err := c.service.SaveTemplate(c.Context(), id, body.Name, body.HTML, c.actor())
	if err != nil {
		return nil, err
	}
	saved, err := c.service.Store.Template(c.Context(), id)
	return NewTemplateSource(saved), err
}

func deleteTemplate(c *call) (any, error) {
	found, err := c.template()
	if err != nil {
		return nil, err
	}
	return Deleted{found.Name}, c.service.DeleteTemplate(c.Context(), found.ID, c.actor())
}

// templateProblem finds what a caller is told about an error of these calls; nil
// for any other.
func templateProblem(err error) *Problem {
	var mistakes message.Errors
	switch {
	case errors.As(err, &mistakes):
		first := mistakes[0]
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "html", Detail: first.Where() + first.Problem + "; " + first.Advice}
	case errors.Is(err, service.ErrTemplateName):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "name", Detail: err.Error()}
	}
	return nil
}
