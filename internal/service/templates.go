package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
)

// ownLayout begins the layout of a content that is made with a template of
// somebody's own; its number follows.
const ownLayout = "template:"

// LayoutOf returns the layout that stands for a template.
func LayoutOf(id int64) string { return ownLayout + strconv.FormatInt(id, 10) }

// ErrTemplateName says that a template has no name of its own.
var ErrTemplateName = errors.New("a template needs a name of its own")

// SaveTemplate checks a layout and stores it: a new one when id is 0. The error
// is of [message.Errors] when the layout cannot be used, or [ErrTemplateName].
func (s *Service) SaveTemplate(ctx context.Context, id int64, name, html string, by Actor) (int64, error) {
	if name = cut(oneLine(name), maxCampaignName); name == "" {
		return id, ErrTemplateName
	}
	if err := message.CheckFrame(html); err != nil {
		return id, err
	}
	saved, err := s.Store.SaveTemplate(ctx, id, name, html, now())
	if errors.Is(err, postgres.ErrExists) {
		return id, fmt.Errorf("%w: %q is taken", ErrTemplateName, name)
	}
	if err != nil {
		return id, err
	}
	return saved, s.audit(ctx, by, now(), "template.save", "template "+strconv.FormatInt(saved, 10), "", struct{}{})
}

// FindTemplate returns a template by its number or its name.
func (s *Service) FindTemplate(ctx context.Context, reference string) (postgres.Template, error) {
	all, err := s.Store.Templates(ctx)
	if err != nil {
		return postgres.Template{}, err
	}
	for _, t := range all {
		if t.Name == reference {
			return t, nil
		}
	}
	if id, err := strconv.ParseInt(strings.TrimPrefix(reference, "#"), 10, 64); err == nil && id > 0 {
		return s.Store.Template(ctx, id)
	}
	return postgres.Template{}, fmt.Errorf("there is no template %q; `headway templates` shows all: %w", reference, postgres.ErrNotFound)
}

// DeleteTemplate deletes a template. Drafts that were made with it keep their copy.
func (s *Service) DeleteTemplate(ctx context.Context, id int64, by Actor) error {
	if err := s.Store.DeleteTemplate(ctx, id); err != nil {
		return err
	}
	return s.audit(ctx, by, now(), "template.delete", "template "+strconv.FormatInt(id, 10), "", struct{}{})
}

// takeFrame copies the template that a content names into it. One that is gone
// leaves the copy that the draft has; without any, our own layout is taken.
func (s *Service) takeFrame(ctx context.Context, c *campaign.Content, before campaign.Content) error {
	c.Frame = ""
	number, own := strings.CutPrefix(c.Layout, ownLayout)
	if !own {
		return nil
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err == nil {
		var t postgres.Template
		if t, err = s.Store.Template(ctx, id); err == nil {
			c.Frame = t.HTML
			return nil
		}
		if !errors.Is(err, postgres.ErrNotFound) {
			return err
		}
	}
	if before.Layout == c.Layout && before.Frame != "" {
		c.Frame = before.Frame
		return nil
	}
	c.Layout = string(message.LayoutLetter)
	return nil
}

// SampleLetter shows a template with a newsletter that nobody wrote.
func (s *Service) SampleLetter(t postgres.Template) (Letter, error) {
	content := campaign.Content{FromName: "Your name", FromAddress: "news@example.com", Subject: "A newsletter to look at", Frame: t.HTML,
		PostalAddress: "Your postal address",
		Markdown: "# A heading\n\nDear reader, this is how a newsletter looks in this template, with [a link](https://example.com/) in it.\n\n" +
			"- first this\n- then that\n\n> And something that somebody said.\n\n## A smaller heading\n\nKind regards\n"}
	compiled, err := message.Compile(s.source(postgres.Campaign{Content: content}))
	if err != nil {
		return Letter{}, err
	}
	l := Letter{Reader: somebody}
	l.Rendered, err = compiled.Naive(message.Recipient{Address: somebody.Address, Fields: map[string]any{"email": somebody.Address},
		UnsubscribeURL: s.publicURL() + "/u/preview", ViewURL: s.publicURL() + "/v/preview", MessageID: "preview@example.com", Date: now()})
	return l, err
}
