package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// ErrWindow says that a window cannot be given to a campaign.
var ErrWindow = errors.New("the window cannot be used")

// SetWindow says when a campaign's mail may go out; the zero value for always. It
// holds for drafts and for what is being sent alike: there every node looks at it
// within a second. The window's zone is that of the campaign when it names none.
// The error is [campaign.ErrTransition] for a campaign that is over.
func (s *Service) SetWindow(ctx context.Context, id int64, w campaign.Window, by Actor) error {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if !w.IsZero() {
		if w.Zone == "" {
			w.Zone = c.TimeZone
		}
		if err := w.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrWindow, err)
		}
		if !c.Settings.ReaderTime.IsZero() {
			return fmt.Errorf("%w: each reader gets this campaign in their own zone, and a window is of one zone", ErrWindow)
		}
	}
	if err := s.Store.SetWindow(ctx, id, w, now()); err != nil {
		return err
	}
	if c.State != campaign.Draft {
		words := "Sent at any hour from now on."
		if !w.IsZero() {
			words = "Sent only in these hours from now on: " + w.Words() + "."
		}
		if err := s.Store.AddEvent(ctx, id, postgres.CampaignEvent{At: now(), Kind: "window", Words: words}, false); err != nil {
			return err
		}
	}
	return s.auditCampaign(ctx, by, "window", id)
}
