package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/address"
)

// ContactByID returns everything that is known of a contact, or
// [postgres.ErrNotFound].
func (s *Service) ContactByID(ctx context.Context, id int64) (postgres.Person, error) {
	return s.Store.PersonByID(ctx, id, timelineEvents)
}

// UnsubscribeContact records that a person asked to leave everything in some
// other way than by a link: by phone, by letter.
func (s *Service) UnsubscribeContact(ctx context.Context, id int64, note string, by Actor) error {
	way := "by hand (" + by.String() + ")"
	if note = strings.TrimSpace(note); note != "" {
		way += ": " + note
	}
	key, canonical, err := s.Store.Unsubscribe(ctx, postgres.Unsubscribe{Contact: id, Everywhere: true, By: way, At: now()})
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("contact %d: %w", id, postgres.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if s.bar != nil {
		s.bar(key, canonical)
	}
	return nil
}

// EraseContact forgets a person; see [Service.Erase]. The audit log says that
// somebody was erased, and not who.
func (s *Service) EraseContact(ctx context.Context, id int64, by Actor) error {
	text, err := s.Store.ContactAddress(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.Erase(ctx, text); err != nil {
		return err
	}
	return s.audit(ctx, by, now(), "erase", fmt.Sprintf("contact %d", id), "", nil)
}

// ContactSearch is what a search for an address found.
type ContactSearch struct {
	Exact    int64 // the contact with this very address; 0 when there is none
	Found    []postgres.Found
	Barred   []postgres.SuppressionEntry // what keeps the address from being mailed, known or not
	Complete bool                        // the text is a whole address
}

// searchLines bounds what a search shows.
const searchLines = 50

// SearchContacts finds the contact with an address, or those whose address
// begins with a text.
func (s *Service) SearchContacts(ctx context.Context, text string) (ContactSearch, error) {
	var result ContactSearch
	text = address.Tidy(text).Text
	if parsed, err := (address.Policy{AllowReserved: true}).Parse(text); err == nil {
		result.Complete = true
		person, err := s.Store.Person(ctx, parsed.Key(), 0)
		switch {
		case err == nil:
			result.Exact = person.ID
			return result, nil
		case !errors.Is(err, postgres.ErrNotFound):
			return result, err
		}
		if result.Barred, err = s.Store.SuppressionsOf(ctx, parsed.Key(), parsed.Canonical(), parsed.Domain); err != nil {
			return result, err
		}
	}
	if text = strings.ToLower(strings.TrimSpace(text)); text == "" {
		return result, nil
	}
	found, err := s.Store.ContactsNamed(ctx, text, searchLines)
	if err != nil {
		return result, err
	}
	result.Found = found
	return result, s.Store.MarkSuppressed(ctx, found, now())
}
