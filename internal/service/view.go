package service

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// View is a newsletter as a page, as one reader got it.
type View struct {
	Sender  string // the name, or else the address
	Subject string
	HTML    string // empty for a plain text campaign
	Text    string
}

// viewsKept is how many campaigns are kept compiled for those who read them in a
// browser. An entry is a few times the size of its newsletter.
const viewsKept = 32

// views keeps the campaigns that were read in a browser lately. What was
// launched never changes.
type views struct {
	mu    sync.Mutex
	known map[int64]*viewed // guarded by mu
}

// viewed is a campaign that was launched.
type viewed struct {
	postgres.Campaign
	compiled *message.Compiled
}

// OpenView reads the link of a newsletter to its page and renders it with the
// reader's fields as they are now; without any when the contact was erased. Its
// links to leave lead nowhere: a page is passed on more easily than a message,
// and who it was passed on to must not be able to unsubscribe the reader. The
// error is [ErrNoSuchLink] for a link that is not ours.
func (s *Service) OpenView(ctx context.Context, tokens *token.Keyring, text string) (View, error) {
	claims, err := tokens.Verify(text, token.View, now())
	if err != nil {
		return View{}, fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	sent, err := s.viewed(ctx, claims.Campaign)
	if err != nil {
		return View{}, err
	}
	reader, err := s.Store.Addressee(ctx, claims.Campaign, claims.Contact)
	if err != nil {
		return View{}, err
	}
	to := message.Recipient{Address: reader.Address, Fields: reader.Fields, Date: reader.Sent,
		UnsubscribeURL: s.publicURL() + "/u/message", ViewURL: s.publicURL() + "/v/" + strings.ToLower(text)}
	if to.Date.IsZero() {
		to.Date = sent.LaunchedAt
	}
	page, err := sent.compiled.Page(to)
	if err != nil {
		return View{}, fmt.Errorf("page of campaign %d: %w", claims.Campaign, err)
	}
	v := View{Sender: sent.Content.FromName, Subject: page.Subject, HTML: page.HTML, Text: page.Text}
	if v.Sender == "" {
		v.Sender = sent.Content.FromAddress
	}
	return v, nil
}

// viewed returns a campaign that was launched, compiled without anything that
// counts its readers.
func (s *Service) viewed(ctx context.Context, id int64) (*viewed, error) {
	s.views.mu.Lock()
	known := s.views.known[id]
	s.views.mu.Unlock()
	if known != nil {
		return known, nil
	}
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.LaunchedAt.IsZero() {
		return nil, ErrNoSuchLink
	}
	compiled, err := message.Compile(s.source(c))
	if err != nil {
		return nil, fmt.Errorf("campaign %d: %w", id, err)
	}
	known = &viewed{c, compiled}
	s.views.mu.Lock()
	defer s.views.mu.Unlock()
	if s.views.known == nil || len(s.views.known) >= viewsKept {
		s.views.known = make(map[int64]*viewed, viewsKept)
	}
	s.views.known[id] = known
	return known, nil
}
