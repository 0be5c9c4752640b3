package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlEnsureDomain = `insert into domains (name) values ($1) on conflict do nothing`

	sqlEnsureContact = `
insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
select $1, $2, $3, d.id, $5, $5, $5 from domains d where d.name = $4
on conflict (address_key) do nothing`

	sqlContactID = `select id from contacts where address_key = $1`

	sqlContactAddress = `select address from contacts where id = $1`

	sqlLists = `
select l.id, l.name, count(m.contact_id), count(m.contact_id) filter (where m.status = 'subscribed'), l.created_at
  from lists l left join list_members m on m.list_id = l.id
 group by l.id order by l.name`
)

// NewContact is an address in its stored forms.
type NewContact struct {
	Address      string
	AddressKey   string
	CanonicalKey string
	Domain       string
}

// EnsureContact returns the id of the contact with this address, who is made
// when unknown, without belonging to any list.
func (s *Store) EnsureContact(ctx context.Context, n NewContact, now time.Time) (int64, error) {
	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlEnsureDomain, n.Domain); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlEnsureContact, n.Address, n.AddressKey, n.CanonicalKey, n.Domain, now)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, sqlContactID, n.AddressKey).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("contact %s: %w", n.Address, err)
	}
	return id, nil
}

// ContactAddress returns a contact's address.
func (s *Store) ContactAddress(ctx context.Context, id int64) (string, error) {
	var address string
	err := s.pool.QueryRow(ctx, sqlContactAddress, id).Scan(&address)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("contact %d: %w", id, err)
	}
	return address, nil
}

// List is a named set of contacts.
type List struct {
	ID         int64
	Name       string
	Members    int64
	Subscribed int64
	CreatedAt  time.Time
}

// Lists returns all lists by name.
func (s *Store) Lists(ctx context.Context) ([]List, error) {
	rows, err := s.pool.Query(ctx, sqlLists)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	lists, err := pgx.CollectRows(rows, pgx.RowToStructByPos[List])
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	return lists, nil
}
