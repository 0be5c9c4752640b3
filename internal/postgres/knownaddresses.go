package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Indexes: contacts_address_key_key, suppressions_once, suppressions_canonical.
const sqlKnownAddresses = `
select c.id is not null, coalesce(
           (select s.reason from suppressions s where s.scope = 'global' and s.kind = 'address' and s.key = g.key and (s.expires_at is null or s.expires_at > now()) order by s.id limit 1),
           (select s.reason from suppressions s where s.scope = 'global' and s.kind = 'address' and s.canonical_key = g.canonical and (s.expires_at is null or s.expires_at > now()) order by s.id limit 1),
           (select s.reason from suppressions s where s.scope = 'global' and s.kind = 'domain' and s.key = g.domain and (s.expires_at is null or s.expires_at > now()) order by s.id limit 1),
           case c.status when 'unsubscribed' then 'unsubscribed' when 'cleaned' then 'bounced' when 'complained' then 'complained' end, '')
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as g (key, canonical, domain, n)
  left join contacts c on c.address_key = g.key
 order by g.n`

// KnownAddress says what is known of an address.
type KnownAddress struct {
	Known  bool   // it is a contact's
	Barred string // reason of its suppression; empty when it may be mailed
}

// KnownAddresses returns what is known of addresses, in their order.
func (s *Store) KnownAddresses(ctx context.Context, keys, canonical, domains []string) ([]KnownAddress, error) {
	rows, err := s.pool.Query(ctx, sqlKnownAddresses, keys, canonical, domains)
	if err != nil {
		return nil, fmt.Errorf("known addresses: %w", err)
	}
	known, err := pgx.CollectRows(rows, pgx.RowToStructByPos[KnownAddress])
	return known, wrap(err, "known addresses")
}
