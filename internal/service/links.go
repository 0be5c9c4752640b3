package service

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// targetsKept is how many counted links are kept in mind, of a few hundred bytes
// each.
const targetsKept = 4096

// targets keeps where the links lead that were followed lately. They never
// change.
type targets struct {
	mu    sync.Mutex
	known map[linkKey]string // guarded by mu
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
	target, ok := s.targets.known[key]
	s.targets.mu.Unlock()
	if ok {
		return claims, target, nil
	}
	target, err = s.Store.Link(ctx, key.campaign, int64(key.number))
	if errors.Is(err, postgres.ErrNotFound) {
		return claims, "", fmt.Errorf("%w: %w", ErrNoSuchLink, err)
	}
	if err != nil {
		return claims, "", err
	}
	s.targets.mu.Lock()
	defer s.targets.mu.Unlock()
	if s.targets.known == nil || len(s.targets.known) >= targetsKept {
		s.targets.known = make(map[linkKey]string)
	}
	s.targets.known[key] = target
	return claims, target, nil
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
