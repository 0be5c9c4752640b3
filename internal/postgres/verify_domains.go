package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/verification"
)

// VerifyDomain is a domain that verification is to look at.
type VerifyDomain struct {
	ID     int64
	Name   string
	Before verification.Domain // what was known
	Fresh  bool                // who takes its mail is known and need not be asked
}

// VerifiedDomain is what a look found.
type VerifiedDomain struct {
	ID     int64
	Look   Look                // who takes its mail; its Domain is 0 when that was known already
	Domain verification.Domain // with the row of looks continued
}

const (
	// Index: the primary keys.
	sqlNextVerifyDomains = `
select d.id, d.name, d.mail_host, d.mx, d.reach, coalesce(d.resolved_at, 'epoch'), d.gone_since, d.gone_looks,
       coalesce(d.expires_at > $3 and d.mail_host in ('mx', 'implicit', 'null_mx'), false)
  from verification_domains v join domains d on d.id = v.domain_id
 where v.verification_id = $1 and v.domain_id > $2
 order by v.domain_id
 limit $4`

	sqlSaveVerified = `
update domains d
   set reach = l.reach, gone_since = l.gone_since, gone_looks = l.gone_looks, verified_at = l.at, verify_at = l.next
  from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::int[], $5::timestamptz[], $6::timestamptz[])
       as l(id, reach, gone_since, gone_looks, at, next)
 where d.id = l.id`

	sqlVerifiedDomains = `
with done as (
    delete from verification_domains where verification_id = $1 and domain_id = any($2) returning 1
)
update verifications set domains_done = domains_done + (select count(*) from done) where id = $1`
)

// NextVerifyDomains returns domains of a verification that were not looked at
// yet, those after an id first.
func (s *Store) NextVerifyDomains(ctx context.Context, id, after int64, limit int, now time.Time) ([]VerifyDomain, error) {
	rows, err := s.pool.Query(ctx, sqlNextVerifyDomains, id, after, now, limit)
	if err != nil {
		return nil, fmt.Errorf("verification %d: domains: %w", id, err)
	}
	domains, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (VerifyDomain, error) {
		var (
			d    VerifyDomain
			gone *time.Time
		)
		err := row.Scan(&d.ID, &d.Name, &d.Before.Found, &d.Before.Hosts, &d.Before.Reach, &d.Before.At, &gone, &d.Before.GoneLooks, &d.Fresh)
		d.Before.GoneSince = nullAsZero(gone)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("verification %d: domains: %w", id, err)
	}
	return domains, nil
}

// SaveVerified stores what was found of domains and takes them off the list of
// a verification.
func (s *Store) SaveVerified(ctx context.Context, id int64, found []VerifiedDomain, now time.Time) error {
	var looks []Look
	n := len(found)
	ids, reaches, looked := make([]int64, n), make([]string, n), make([]int32, n)
	gone, at, next := make([]*time.Time, n), make([]time.Time, n), make([]time.Time, n)
	for i, f := range found {
		if f.Look.Domain != 0 {
			looks = append(looks, f.Look)
		}
		ids[i], reaches[i], looked[i] = f.ID, string(f.Domain.Reach), int32(f.Domain.GoneLooks)
		gone[i], at[i], next[i] = zeroAsNull(f.Domain.GoneSince), f.Domain.At, f.Domain.NextLook()
	}
	if len(looks) > 0 {
		if err := s.SaveLooks(ctx, looks, now); err != nil {
			return err
		}
	}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlSaveVerified, ids, reaches, gone, looked, at, next); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlVerifiedDomains, id, ids)
		return err
	})
	if err != nil {
		return fmt.Errorf("verification %d: save %d domains: %w", id, n, err)
	}
	return nil
}
