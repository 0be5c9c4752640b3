package service

import (
	"context"
	"errors"
	"fmt"

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
	Lists    []string
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
	leaving.Lists, err = s.Store.CampaignLists(ctx, claims.Campaign, false)
	return leaving, err
}

// Unsubscribe lets a contact leave: the lists of the campaign, or everywhere.
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
