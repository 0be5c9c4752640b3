package service

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// targetsKept is how many counted links are kept in mind, of a few hundred bytes
// each.
const targetsKept = 4096

// targets keeps the links that were followed lately. They never change.
type targets struct {
	mu    sync.Mutex
	known map[linkKey]*message.Link // guarded by mu
}

type linkKey struct {
	campaign int64
	number   uint64
}

// FollowLink reads a counted link: whose it is, and where it leads. Only where a
// message of the campaign leads can be the answer. The error is [ErrNoSuchLink]
// for a link that is not ours.
func (s *Service) FollowLink(ctx context.Context, tokens *token.Keyring, text string) (token.Claims, string, error) {
	claims, err := tokens.Verify(text, token.Click, now())
	if err != nil {
		return claims, "", fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	key := linkKey{claims.Campaign, claims.Link}
	s.targets.mu.Lock()
	link := s.targets.known[key]
	s.targets.mu.Unlock()
	if link == nil {
		if link, err = s.link(ctx, key); err != nil {
			return claims, "", err
		}
	}
	target, err := s.targetFor(ctx, claims, link)
	return claims, target, err
}

// link reads a link, and keeps it in mind.
func (s *Service) link(ctx context.Context, key linkKey) (*message.Link, error) {
	source, err := s.Store.Link(ctx, key.campaign, int64(key.number))
	if errors.Is(err, postgres.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	if err != nil {
		return nil, err
	}
	link, err := message.ParseLink(source)
	if err != nil {
		return nil, fmt.Errorf("link %d of campaign %d: %w", key.number, key.campaign, err)
	}
	s.targets.mu.Lock()
	defer s.targets.mu.Unlock()
	if s.targets.known == nil || len(s.targets.known) >= targetsKept {
		s.targets.known = make(map[linkKey]*message.Link)
	}
	s.targets.known[key] = link
	return link, nil
}

// targetFor returns where a link leads for the reader whose it is. Fields are
// those that the contact has now; of one who was erased there are none.
func (s *Service) targetFor(ctx context.Context, claims token.Claims, link *message.Link) (string, error) {
	var to message.Recipient
	if link.Personal() {
		reader, err := s.Store.Addressee(ctx, claims.Campaign, claims.Contact)
		if err != nil {
			return "", err
		}
		to = message.Recipient{Address: reader.Address, Fields: reader.Fields, Date: reader.Sent}
		if to.Date.IsZero() {
			to.Date = claims.Day
		}
	}
	target, err := link.For(to)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	return target, nil
}

// OpenedMessage reads the address of the image that counts opens. The error is
// [ErrNoSuchLink] for one that is not ours.
func (s *Service) OpenedMessage(tokens *token.Keyring, text string) (token.Claims, error) {
	claims, err := tokens.Verify(text, token.Open, now())
	if err != nil {
		return claims, fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	return claims, nil
}
