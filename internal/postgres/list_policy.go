package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene"
)

// ListPolicy says how a list is verified and what is done with contacts whose
// verdict leaves a choice.
type ListPolicy struct {
	ID         int64
	Name       string
	Policy     listhygiene.Policy
	VerifyDays int // how often it is verified by itself; 0: never
	VerifiedAt time.Time
}

const (
	sqlListPolicy = `
select id, name, send_risky, trust_unproven, verify_days, verified_at from lists where id = $1`

	sqlSetListPolicy = `
update lists set send_risky = $2, trust_unproven = $3, verify_days = $4 where id = $1`

	sqlListNamed = `select id from lists where name = $1`
)

// ListPolicy returns the terms of a list.
func (s *Store) ListPolicy(ctx context.Context, id int64) (ListPolicy, error) {
	var (
		l        ListPolicy
		verified *time.Time
	)
	err := s.pool.QueryRow(ctx, sqlListPolicy, id).Scan(&l.ID, &l.Name, &l.Policy.SendRisky, &l.Policy.TrustUnproven, &l.VerifyDays, &verified)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return l, fmt.Errorf("list %d: %w", id, err)
	}
	l.VerifiedAt = nullAsZero(verified)
	return l, nil
}

// SetListPolicy stores the terms of a list.
func (s *Store) SetListPolicy(ctx context.Context, l ListPolicy) error {
	tag, err := s.pool.Exec(ctx, sqlSetListPolicy, l.ID, l.Policy.SendRisky, l.Policy.TrustUnproven, l.VerifyDays)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("list %d: %w", l.ID, err)
	}
	return nil
}

// ListNamed returns the id of a list, or ErrNotFound.
func (s *Store) ListNamed(ctx context.Context, name string) (int64, error) {
	var id int64
	err := s.pool.QueryRow(ctx, sqlListNamed, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("list %q: %w", name, err)
	}
	return id, nil
}
