package postgres

import (
	"context"
	"fmt"
	"time"
)

const (
	sqlBenchDomains = `
insert into domains (name) select 'd' || n || '.test' from generate_series(0, $1::int - 1) n`

	sqlBenchContacts = `
insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
select a, a, a, d.id, $3, $3, $3
  from generate_series(1, $1::int) n
  join domains d on d.name = 'd' || (n % $2::int) || '.test'
 cross join lateral (select 'reader' || n || '@' || d.name as a) x`

	sqlBenchMembers = `
insert into list_members (list_id, contact_id, status, since)
select $1, id, 'subscribed', $2 from contacts order by id`

	sqlBenchAnalyze = `analyze contacts, list_members, domains`

	sqlBenchSwitchLog = `select pg_switch_wal()`

	sqlBenchForgetRSA = `update dkim_keys set active = false where algorithm = 'rsa'`
)

// FillForBench fills an empty database with a list of contacts over the domains
// d0.test, d1.test and so on, and returns the list's id.
func (s *Store) FillForBench(ctx context.Context, list string, contacts, domains int, now time.Time) (int64, error) {
	if _, err := s.pool.Exec(ctx, sqlEnsureList, list, now); err != nil {
		return 0, fmt.Errorf("fill for a bench: %w", err)
	}
	id, err := s.ListNamed(ctx, list)
	if err != nil {
		return 0, err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{{sqlBenchDomains, []any{domains}}, {sqlBenchContacts, []any{contacts, domains, now}},
		{sqlBenchMembers, []any{id, now}}, {sqlBenchAnalyze, nil}} {
		if _, err := s.pool.Exec(ctx, step.sql, step.args...); err != nil {
			return 0, fmt.Errorf("fill for a bench: %w", err)
		}
	}
	return id, nil
}

// ForgetRSAForBench switches RSA keys off, so that a bench measures what is not
// their signatures.
func (s *Store) ForgetRSAForBench(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, sqlBenchForgetRSA); err != nil {
		return fmt.Errorf("switch RSA keys off: %w", err)
	}
	return nil
}

// SwitchLogForBench has the server begin another file of its log, for which it
// needs room.
func (s *Store) SwitchLogForBench(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, sqlBenchSwitchLog); err != nil {
		return fmt.Errorf("begin another file of the log: %w", err)
	}
	return nil
}
