package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlTokenKeys      = `select id, secret from token_keys order by id`
	sqlInsertTokenKey = `
insert into token_keys (id, secret, created_at) values ($1, $2, $3) on conflict do nothing`

	sqlDKIMKeys = `
select id, domain, selector, algorithm, private_key from dkim_keys where active order by domain, id`
	sqlInsertDKIMKey = `
insert into dkim_keys (domain, selector, algorithm, private_key, created_at) values ($1, $2, $3, $4, $5)
on conflict (domain, selector) do nothing returning id`

	sqlInstanceValue    = `select value from instance where name = $1`
	sqlSetInstanceValue = `insert into instance (name, value) values ($1, $2) on conflict do nothing`
)

// TokenKey is a key of signed tokens, sealed.
type TokenKey struct {
	ID     int16
	Sealed []byte
}

// TokenKeys returns all keys that tokens were ever signed with, oldest first.
func (s *Store) TokenKeys(ctx context.Context) ([]TokenKey, error) {
	rows, err := s.pool.Query(ctx, sqlTokenKeys)
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[TokenKey])
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	return keys, nil
}

// AddTokenKey stores a key unless another process stored one with its id first.
func (s *Store) AddTokenKey(ctx context.Context, key TokenKey, now time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlInsertTokenKey, key.ID, key.Sealed, now); err != nil {
		return fmt.Errorf("add token key: %w", err)
	}
	return nil
}

// DKIMKey is a signing key of a domain, sealed.
type DKIMKey struct {
	ID        int64
	Domain    string
	Selector  string
	Algorithm string // rsa or ed25519
	Sealed    []byte
}

// DKIMKeys returns the active signing keys, by domain.
func (s *Store) DKIMKeys(ctx context.Context) ([]DKIMKey, error) {
	rows, err := s.pool.Query(ctx, sqlDKIMKeys)
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DKIMKey])
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return keys, nil
}

// ErrExists says that a row with this name is there already.
var ErrExists = errors.New("exists already")

// AddDKIMKey stores a signing key. It returns [ErrExists] when the domain has a
// key with this selector.
func (s *Store) AddDKIMKey(ctx context.Context, key DKIMKey, now time.Time) error {
	var id int64
	err := s.pool.QueryRow(ctx, sqlInsertDKIMKey, key.Domain, key.Selector, key.Algorithm, key.Sealed, now).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrExists
	}
	if err != nil {
		return fmt.Errorf("signing key %s of %s: %w", key.Selector, key.Domain, err)
	}
	return nil
}

// InstanceValue returns a fact about this installation, nil when it is not known.
func (s *Store) InstanceValue(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.pool.QueryRow(ctx, sqlInstanceValue, name).Scan(&value)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("instance value %s: %w", name, err)
	}
	return value, nil
}

// SetInstanceValue stores a fact once: the first value stays.
func (s *Store) SetInstanceValue(ctx context.Context, name string, value []byte) error {
	if _, err := s.pool.Exec(ctx, sqlSetInstanceValue, name, value); err != nil {
		return fmt.Errorf("instance value %s: %w", name, err)
	}
	return nil
}
