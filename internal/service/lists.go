package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/address"
)

// CreateList makes an empty list. The error is [postgres.ErrExists] when there is
// one of that name.
func (s *Service) CreateList(ctx context.Context, name string) error {
	name, err := listName(name)
	if err != nil {
		return err
	}
	return s.Store.AddList(ctx, name, now())
}

// RenameList gives a list another name.
func (s *Service) RenameList(ctx context.Context, name, to string) error {
	to, err := listName(to)
	if err != nil {
		return err
	}
	return s.Store.RenameList(ctx, strings.TrimSpace(name), to)
}

// SetPublicName says what readers see as the name of a list; its name when it is
// empty.
func (s *Service) SetPublicName(ctx context.Context, list, name string) error {
	name = strings.TrimSpace(name)
	if len(name) > maxListName {
		return fmt.Errorf("%w: it has at most %d characters", ErrListName, maxListName)
	}
	return s.Store.SetPublicName(ctx, strings.TrimSpace(list), name)
}

// DeleteList deletes a list without members. The error is [postgres.ErrInUse] for
// another.
func (s *Service) DeleteList(ctx context.Context, name string) error {
	err := s.Store.DeleteList(ctx, strings.TrimSpace(name))
	if errors.Is(err, postgres.ErrInUse) {
		return fmt.Errorf("%w: only a list without members, campaigns and suppressions can be deleted", err)
	}
	return err
}

// ErrListName is the cause of errors in the name of a list.
var ErrListName = errors.New("this is no name for a list")

func listName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fmt.Errorf("%w: a list needs a name", ErrListName)
	case len(name) > maxListName:
		return "", fmt.Errorf("%w: it has at most %d characters", ErrListName, maxListName)
	}
	return name, nil
}

// timelineEvents is how far back a contact's timeline goes.
const timelineEvents = 200

// Contact returns everything that is known of the contact with an address, or
// [postgres.ErrNotFound].
func (s *Service) Contact(ctx context.Context, text string) (postgres.Person, error) {
	parsed, err := address.Policy{AllowReserved: true}.Parse(address.Tidy(text).Text)
	if err != nil {
		return postgres.Person{}, fmt.Errorf("%q is no address: %w", text, err)
	}
	return s.Store.Person(ctx, parsed.Key(), timelineEvents)
}
