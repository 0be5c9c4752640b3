package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

// erasureKeyName is under which the key of the hashes of erased addresses is
// stored, sealed.
const erasureKeyName = "erasure key"

// openErasureKey returns the key of the hashes of erased addresses, which is
// made at the first start.
func (s *Service) openErasureKey(ctx context.Context) ([]byte, error) {
	sealed, err := s.Store.InstanceValue(ctx, erasureKeyName)
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		var fresh [32]byte
		rand.Read(fresh[:])
		if err := s.Store.SetInstanceValue(ctx, erasureKeyName, s.box.Seal(erasureKeyName, fresh[:])); err != nil {
			return nil, err
		}
		if sealed, err = s.Store.InstanceValue(ctx, erasureKeyName); err != nil {
			return nil, err
		}
	}
	return s.box.Open(erasureKeyName, sealed)
}

// ErasureHash returns the keyed hash of an exact or canonical key, by which an
// erased address is recognised.
func (s *Service) ErasureHash(key string) []byte { return listhygiene.ErasureHash(s.erasureKey, key) }

// Erase forgets a person: the contact with fields and memberships, the replies
// and refused rows that name the address, and its suppressions. What is kept is
// a keyed hash of the address, so that no import brings the person back, and the
// ledger's figures. It returns false when nothing was known of the address,
// which is remembered all the same. It cannot be taken back.
func (s *Service) Erase(ctx context.Context, text string) (bool, error) {
	parsed, err := s.parseAddress(text)
	if err != nil {
		return false, err
	}
	key, canonical := parsed.Key(), parsed.Canonical()
	e := postgres.Erasure{Key: key, Address: parsed.String(), Hashes: [][]byte{s.ErasureHash(key)}, At: now()}
	if canonical != key {
		e.Hashes = append(e.Hashes, s.ErasureHash(canonical))
	}
	if s.bar != nil {
		s.bar(key, canonical)
	}
	err = s.Store.Erase(ctx, e)
	if errors.Is(err, postgres.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("erase: %w", err)
	}
	return true, nil
}
