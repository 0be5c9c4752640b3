package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The ledger is counted row by row and compared with the counters and what they do
// not hold yet, both ways.
const sqlCheck = `
with pending as (
    select k.campaign_id, k.provider_id, k.domain_id, moves.state, moves.n
      from uncounted u
     cross join lateral unnest(u.campaigns, u.providers, u.domains, u.was, u.became) k(campaign_id, provider_id, domain_id, was, became)
     cross join lateral (values (k.was, -1), (k.became, 1)) as moves(state, n)
      join campaigns c on c.id = k.campaign_id
), providers_counted as (
    select campaign_id, coalesce(provider_id, 0) as of_id, state, count(*) as n from deliveries group by 1, 2, 3
), domains_counted as (
    select campaign_id, domain_id as of_id, state, count(*) as n from deliveries group by 1, 2, 3
), providers_kept as (
    select campaign_id, of_id, state, sum(n) as n from (
        select p.campaign_id, p.provider_id as of_id, k.state, k.n from campaign_providers p
         cross join lateral (values ('queued'::delivery_state, p.queued), ('deferred', p.deferred),
            ('delivered', p.delivered), ('bounced', p.bounced), ('expired', p.expired), ('suppressed', p.suppressed),
            ('cancelled', p.cancelled), ('in_doubt', p.in_doubt)) as k(state, n)
        union all
        select campaign_id, provider_id, state, n from pending) all_of_it
     group by 1, 2, 3 having sum(n) <> 0
), domains_kept as (
    select campaign_id, of_id, state, sum(n) as n from (
        select p.campaign_id, p.domain_id as of_id, k.state, k.n from campaign_domains p
         cross join lateral (values ('queued'::delivery_state, p.queued), ('deferred', p.deferred),
            ('delivered', p.delivered), ('bounced', p.bounced), ('expired', p.expired), ('suppressed', p.suppressed),
            ('cancelled', p.cancelled), ('in_doubt', p.in_doubt)) as k(state, n)
        union all
        select campaign_id, domain_id, state, n from pending) all_of_it
     group by 1, 2, 3 having sum(n) <> 0
)
select 'provider', campaign_id, of_id, state::text, coalesce(kept.n, 0)::bigint, coalesce(counted.n, 0)
  from providers_kept kept full join providers_counted counted using (campaign_id, of_id, state)
 where kept.n is distinct from counted.n
union all
select 'domain', campaign_id, of_id, state::text, coalesce(kept.n, 0)::bigint, coalesce(counted.n, 0)
  from domains_kept kept full join domains_counted counted using (campaign_id, of_id, state)
 where kept.n is distinct from counted.n
 order by 1, 2, 3, 4`

// What waits is in the queue or in a claim, once.
const sqlCheckQueue = `
with kept as (
    select campaign_id, case when deferred then 'deferred' else 'queued' end as state, count(*) as n from (
        select campaign_id, deferred, delivery_id from mail_queue
        union all
        select d.campaign_id, d.state = 'deferred', d.id
          from claims c cross join lateral unnest(c.deliveries, c.attempts) k(id, attempts)
          join deliveries d on d.ledger_id = c.ledger_id and d.id = k.id and d.attempts = k.attempts and d.state in ('queued', 'deferred')) waits
     group by 1, 2
), counted as (
    select campaign_id, state::text, count(*) as n from deliveries where state in ('queued', 'deferred') group by 1, 2
)
select 'queue', campaign_id, 0::bigint, state, coalesce(kept.n, 0), coalesce(counted.n, 0)
  from kept full join counted using (campaign_id, state)
 where kept.n is distinct from counted.n
 order by 2, 4`

const sqlCheckSize = `select count(*), count(distinct campaign_id) from deliveries`

// Difference is a counter that does not say what the ledger holds.
type Difference struct {
	Of       string // provider, domain, or queue for what waits; people or programs for what readers did
	Campaign int64
	ID       int64  // of the provider or domain; the link that was used, 0 for any
	State    string // or open or click
	Kept     int64  // what the counter says
	Counted  int64  // what the rows say
}

// Checked is what a recount looked at and found.
type Checked struct {
	Deliveries  int64
	Campaigns   int64
	Differences []Difference
}

// Check recounts the whole ledger in one snapshot and compares it with the
// counters by provider and by domain, and with the queue.
func (s *Store) Check(ctx context.Context) (Checked, error) {
	var checked Checked
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, s.pool, snapshot, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlCheckSize).Scan(&checked.Deliveries, &checked.Campaigns); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlCheck)
		if err != nil {
			return err
		}
		if checked.Differences, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Difference]); err != nil {
			return err
		}
		for _, sql := range []string{sqlCheckQueue, sqlCheckEngagement} {
			if rows, err = tx.Query(ctx, sql); err != nil {
				return err
			}
			more, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Difference])
			if err != nil {
				return err
			}
			checked.Differences = append(checked.Differences, more...)
		}
		return nil
	})
	if err != nil {
		return checked, fmt.Errorf("check the ledger: %w", err)
	}
	return checked, nil
}

const sqlFilled = `select exists (select from contacts) or exists (select from campaigns)`

// Filled reports whether the database holds contacts or campaigns.
func (s *Store) Filled(ctx context.Context) (bool, error) {
	var filled bool
	if err := s.pool.QueryRow(ctx, sqlFilled).Scan(&filled); err != nil {
		return false, fmt.Errorf("look for contacts and campaigns: %w", err)
	}
	return filled, nil
}
