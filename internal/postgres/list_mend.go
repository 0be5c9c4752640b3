package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Mendable is a member of a list whose address is probably mistyped.
type Mendable struct {
	Contact    int64
	Address    string
	Suggestion string
}

const (
	// Index: contacts_mendable.
	sqlMendable = `
select c.id, c.address, c.suggestion
  from contacts c join list_members m on m.list_id = $1 and m.contact_id = c.id
 where c.suggestion is not null and c.id > $2
 order by c.id limit $3`
	sqlCountMendable = `
select count(*) from contacts c join list_members m on m.list_id = $1 and m.contact_id = c.id
 where c.suggestion is not null`

	sqlMendDomains  = `insert into domains (name) select distinct unnest($1::text[]) order by 1 on conflict do nothing`
	sqlMendContacts = `
insert into contacts (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
select n.address, n.address_key, n.canonical_key, d.id, c.fields, $6, $6, $6
  from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) as n(old, address, address_key, canonical_key, domain)
  join contacts c on c.id = n.old
  join domains d on d.name = n.domain
 order by n.address_key
on conflict (address_key) do nothing`

	// Who left under the right address stays away: an existing membership is
	// never touched.
	sqlMendMembers = `
insert into list_members (list_id, contact_id, status, since, import_id, consent)
select m.list_id, c.id, m.status, m.since, m.import_id, m.consent
  from unnest($2::bigint[], $3::text[]) as n(old, address_key)
  join list_members m on m.list_id = $1 and m.contact_id = n.old
  join contacts c on c.address_key = n.address_key
 order by c.id
on conflict do nothing`
	sqlMendLeave = `delete from list_members where list_id = $1 and contact_id = any($2)`

	sqlDeadMembers = `
select c.id, c.address, ''
  from list_members m join contacts c on c.id = m.contact_id
 where m.list_id = $1 and c.id > $2 and c.verdict = 'undeliverable' and c.reasons && $4::text[]
 order by c.id limit $3`
	sqlCountDead = `
select count(*) from list_members m join contacts c on c.id = m.contact_id
 where m.list_id = $1 and c.verdict = 'undeliverable' and c.reasons && $2::text[]`
	sqlRemoveDead = `
delete from list_members m using contacts c
 where m.list_id = $1 and m.contact_id = any($2) and c.id = m.contact_id
   and c.verdict = 'undeliverable' and c.reasons && $3::text[]`
)

// Mendable returns members of a list with a suggestion, after a contact.
func (s *Store) Mendable(ctx context.Context, list, after int64, limit int) ([]Mendable, error) {
	return s.mendable(ctx, sqlMendable, list, after, limit)
}

// CountMendable returns how many members of a list have a suggestion.
func (s *Store) CountMendable(ctx context.Context, list int64) (int64, error) {
	return s.countMembers(ctx, sqlCountMendable, list)
}

// DeadMembers returns members of a list that cannot be reached for one of these
// reasons, after a contact.
func (s *Store) DeadMembers(ctx context.Context, list, after int64, limit int, reasons []string) ([]Mendable, error) {
	return s.mendable(ctx, sqlDeadMembers, list, after, limit, reasons)
}

// CountDead returns how many they are.
func (s *Store) CountDead(ctx context.Context, list int64, reasons []string) (int64, error) {
	return s.countMembers(ctx, sqlCountDead, list, reasons)
}

func (s *Store) mendable(ctx context.Context, sql string, args ...any) ([]Mendable, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("members of list %v: %w", args[0], err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Mendable])
	if err != nil {
		return nil, fmt.Errorf("members of list %v: %w", args[0], err)
	}
	return found, nil
}

func (s *Store) countMembers(ctx context.Context, sql string, args ...any) (int64, error) {
	var n int64
	if err := s.pool.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("members of list %v: %w", args[0], err)
	}
	return n, nil
}

// Mend lets contacts join a list under the addresses that were probably meant,
// and takes the mistyped ones off it. Fields, status and the import they came
// with go along; a contact that has the right address already is kept as it is.
func (s *Store) Mend(ctx context.Context, list int64, old []int64, meant []NewContact, now time.Time) error {
	n := len(meant)
	addresses, keys, canonical, domains := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, m := range meant {
		addresses[i], keys[i], canonical[i], domains[i] = m.Address, m.AddressKey, m.CanonicalKey, m.Domain
	}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlMendDomains, domains); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlMendContacts, old, addresses, keys, canonical, domains, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlMendMembers, list, old, keys); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlMendLeave, list, old)
		return err
	})
	if err != nil {
		return fmt.Errorf("mend %d addresses of list %d: %w", n, list, err)
	}
	return nil
}

// RemoveDead takes members off a list that still cannot be reached for one of
// these reasons, and returns how many.
func (s *Store) RemoveDead(ctx context.Context, list int64, members []int64, reasons []string) (int64, error) {
	tag, err := s.pool.Exec(ctx, sqlRemoveDead, list, members, reasons)
	if err != nil {
		return 0, fmt.Errorf("remove members of list %d: %w", list, err)
	}
	return tag.RowsAffected(), nil
}
