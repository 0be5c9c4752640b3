package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/mtasts"
)

const (
	sqlSTSPolicies = `select domain, id, mode, hosts, expires_at from sts_policies where expires_at > $1`

	sqlSaveSTSPolicy = `
insert into sts_policies (domain, id, mode, hosts, expires_at) values ($1, $2, $3, $4, $5)
on conflict (domain) do update
   set id = excluded.id, mode = excluded.mode, hosts = excluded.hosts, expires_at = excluded.expires_at`
)

// STSPolicies returns all MTA-STS policies that have not expired, by domain.
func (s *Store) STSPolicies(ctx context.Context, now time.Time) (map[string]mtasts.Policy, error) {
	rows, err := s.pool.Query(ctx, sqlSTSPolicies, now)
	if err != nil {
		return nil, fmt.Errorf("mta-sts policies: %w", err)
	}
	policies := make(map[string]mtasts.Policy)
	var (
		domain string
		p      mtasts.Policy
	)
	_, err = pgx.ForEachRow(rows, []any{&domain, &p.ID, &p.Mode, &p.Hosts, &p.Expires}, func() error {
		policies[domain] = p
		p.Hosts = nil // the next row has its own
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mta-sts policies: %w", err)
	}
	return policies, nil
}

// SaveSTSPolicy keeps a domain's MTA-STS policy in place of an earlier edition.
func (s *Store) SaveSTSPolicy(ctx context.Context, domain string, p mtasts.Policy) error {
	hosts := p.Hosts
	if hosts == nil {
		hosts = []string{}
	}
	if _, err := s.pool.Exec(ctx, sqlSaveSTSPolicy, domain, p.ID, p.Mode, hosts, p.Expires); err != nil {
		return fmt.Errorf("mta-sts policy of %s: %w", domain, err)
	}
	return nil
}
