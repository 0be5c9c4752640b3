package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// ErrNoSuchLink says that an unsubscribe link is not one of ours.
var ErrNoSuchLink = errors.New("this link is not one of ours, or not complete")

// Leaving is what an unsubscribe link stands for.
type Leaving struct {
	Campaign int64
	Contact  int64
	Address  string
	Lists    []string // that they leave, as readers know them; none when that is everything
}

// OpenUnsubscribe reads the token of a link. Nothing is changed.
func (s *Service) OpenUnsubscribe(ctx context.Context, tokens *token.Keyring, text string) (Leaving, error) {
	claims, err := tokens.Verify(text, token.Unsubscribe, now())
	if err != nil {
		return Leaving{}, fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	leaving := Leaving{Campaign: claims.Campaign, Contact: claims.Contact}
	if leaving.Address, err = s.Store.ContactAddress(ctx, claims.Contact); err != nil {
		return Leaving{}, err
	}
	leaving.Lists, err = s.Store.CampaignPublicLists(ctx, claims.Campaign)
	return leaving, err
}

// Unsubscribe lets a contact leave: the lists of the campaign, or everywhere. A
// campaign that did not go to lists alone is left with everything else.
// When it returns, no lane of this node begins another message to the address;
// other nodes hear of it in milliseconds.
func (s *Service) Unsubscribe(ctx context.Context, tokens *token.Keyring, text string, everywhere bool, by string) error {
	claims, err := tokens.Verify(text, token.Unsubscribe, now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	key, canonical, err := s.Store.Unsubscribe(ctx, postgres.Unsubscribe{Campaign: claims.Campaign,
		Contact: claims.Contact, Everywhere: everywhere, By: by, At: now()})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // erased since: there is nobody left to mail
	}
	if err != nil {
		return err
	}
	if s.bar != nil {
		s.bar(key, canonical)
	}
	return nil
}

// PauseDays is how many days a reader who chooses a pause gets nothing: long
// enough for a holiday, short enough to be chosen without forgetting who we are.
const PauseDays = 30

// Reach returns what reaches the reader behind an unsubscribe link, by their own
// wish. Nothing is changed.
func (s *Service) Reach(ctx context.Context, l Leaving) (postgres.Reach, error) {
	return s.Store.Reach(ctx, l.Contact, now())
}

// Pause lets the reader behind an unsubscribe link get nothing for [PauseDays]
// from now on, and returns when that ends. It holds as leaving does.
func (s *Service) Pause(ctx context.Context, l Leaving) (until time.Time, err error) {
	at := now()
	until = at.AddDate(0, 0, PauseDays)
	return until, s.pause(ctx, postgres.Pausing{Campaign: l.Campaign, Contact: l.Contact, At: at, Until: until})
}

// EndPause ends the pause of the reader behind an unsubscribe link, if they
// chose one.
func (s *Service) EndPause(ctx context.Context, l Leaving) error {
	return s.pause(ctx, postgres.Pausing{Campaign: l.Campaign, Contact: l.Contact, At: now()})
}

func (s *Service) pause(ctx context.Context, p postgres.Pausing) error {
	key, canonical, err := s.Store.Pause(ctx, p)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // erased since: there is nobody left to mail
	}
	if err == nil && s.bar != nil && !p.Until.IsZero() {
		s.bar(key, canonical)
	}
	return err
}

// Preferences returns the lists that the reader behind an unsubscribe link gets
// or may get again. Nothing is changed.
func (s *Service) Preferences(ctx context.Context, l Leaving) ([]postgres.Preference, error) {
	return s.Store.Preferences(ctx, l.Contact, now())
}

// Prefer does what the reader behind an unsubscribe link wants of the lists that
// their page showed: those that are not kept are left, and kept ones that they
// had left by themselves are theirs again. From is where the wish came from; it
// is kept with the consent.
func (s *Service) Prefer(ctx context.Context, l Leaving, shown, keep []int64, from string) error {
	key, canonical, err := s.Store.Prefer(ctx, postgres.Preferring{Campaign: l.Campaign, Contact: l.Contact,
		Shown: shown, Keep: keep, From: from, At: now()})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // erased since: there is nobody left to mail
	}
	if err == nil && s.bar != nil {
		s.bar(key, canonical)
	}
	return err
}
