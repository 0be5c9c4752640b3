package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// counterKey names one row of counters.
type counterKey struct{ campaign, of int64 }

// changes are sums of counter changes, to be applied in the transaction that
// changes the deliveries.
type changes struct {
	providers map[counterKey]campaign.Counters
	domains   map[counterKey]campaign.Counters
}

func newChanges() changes {
	return changes{
		providers: make(map[counterKey]campaign.Counters),
		domains:   make(map[counterKey]campaign.Counters),
	}
}

// move counts one delivery that went from a state to another. first says that
// it was accepted on its first attempt.
func (c changes) move(campaignID, provider, domain int64, from, to campaign.DeliveryState, first bool) {
	var change campaign.Counters
	change.Count(from, -1)
	change.Count(to, 1)
	if first && to == campaign.Delivered {
		change.AcceptedFirst++
	}
	c.add(campaignID, provider, domain, change)
}

func (c changes) add(campaignID, provider, domain int64, change campaign.Counters) {
	p, d := counterKey{campaignID, provider}, counterKey{campaignID, domain}
	c.providers[p] = c.providers[p].Add(change)
	c.domains[d] = c.domains[d].Add(change)
}

const (
	// How counters change, whatever they are of.
	sqlAddCounters = `
   set targeted = c.targeted + k.targeted, queued = c.queued + k.queued, deferred = c.deferred + k.deferred,
       delivered = c.delivered + k.delivered, accepted_first = c.accepted_first + k.accepted_first,
       bounced = c.bounced + k.bounced, expired = c.expired + k.expired,
       suppressed = c.suppressed + k.suppressed, cancelled = c.cancelled + k.cancelled,
       in_doubt = c.in_doubt + k.in_doubt
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
              $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
       as k(campaign_id, of_id, targeted, queued, deferred, delivered, accepted_first, bounced, expired,
            suppressed, cancelled, in_doubt)
 where c.campaign_id = k.campaign_id`

	// Rows are locked in key order, so that two commit groups never wait for
	// each other in a circle.
	sqlLockProviderCounters = `
select 1 from campaign_providers c
  join unnest($1::bigint[], $2::bigint[]) with ordinality as k(campaign_id, of_id, place)
    on c.campaign_id = k.campaign_id and c.provider_id = k.of_id
 order by k.place
   for update of c`

	sqlChangeProviderCounters = `
update campaign_providers c` + sqlAddCounters + ` and c.provider_id = k.of_id`

	sqlEnsureProviderCounters = `
insert into campaign_providers (campaign_id, provider_id)
select * from unnest($1::bigint[], $2::bigint[]) order by 1, 2
on conflict do nothing`

	sqlLockDomainCounters = `
select 1 from campaign_domains c
  join unnest($1::bigint[], $2::bigint[]) with ordinality as k(campaign_id, of_id, place)
    on c.campaign_id = k.campaign_id and c.domain_id = k.of_id
 order by k.place
   for update of c`

	sqlChangeDomainCounters = `
update campaign_domains c` + sqlAddCounters + ` and c.domain_id = k.of_id`

	sqlEnsureDomainCounters = `
insert into campaign_domains (campaign_id, domain_id)
select * from unnest($1::bigint[], $2::bigint[]) order by 1, 2
on conflict do nothing`

	// Deliveries that were entered into the ledger: rows are locked in key order
	// as they are met.
	sqlEnterProviderCounters = `
insert into campaign_providers as c (campaign_id, provider_id, targeted, queued)
select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $3::bigint[]) order by 1, 2
on conflict (campaign_id, provider_id) do update set targeted = c.targeted + excluded.targeted, queued = c.queued + excluded.queued`

	sqlEnterDomainCounters = `
insert into campaign_domains as c (campaign_id, domain_id, targeted, queued)
select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $3::bigint[]) order by 1, 2
on conflict (campaign_id, domain_id) do update set targeted = c.targeted + excluded.targeted, queued = c.queued + excluded.queued`
)

// apply writes the sums. Rows that may not exist yet are made when ensure is set.
func (c changes) apply(ctx context.Context, tx pgx.Tx, ensure bool) error {
	batch := &pgx.Batch{}
	c.queue(batch, ensure)
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

// queue adds what apply does to a batch.
func (c changes) queue(batch *pgx.Batch, ensure bool) {
	queue := func(sums map[counterKey]campaign.Counters, sqlEnsure, sqlLock, sqlChange string) {
		args := columns(sums)
		if args == nil {
			return
		}
		if ensure {
			batch.Queue(sqlEnsure, args[0], args[1])
		}
		batch.Queue(sqlLock, args[0], args[1])
		batch.Queue(sqlChange, args...)
	}
	queue(c.providers, sqlEnsureProviderCounters, sqlLockProviderCounters, sqlChangeProviderCounters)
	queue(c.domains, sqlEnsureDomainCounters, sqlLockDomainCounters, sqlChangeDomainCounters)
}

// queueHot is queue for connections of the hot path, on rows that exist. Nothing
// but nested loops is planned there, so the change itself takes the rows in the
// order of the keys and need not lock them first.
func (c changes) queueHot(batch *pgx.Batch) {
	if args := columns(c.providers); args != nil {
		batch.Queue(sqlChangeProviderCounters, args...)
	}
	if args := columns(c.domains); args != nil {
		batch.Queue(sqlChangeDomainCounters, args...)
	}
}

// enter adds n deliveries of a domain that are queued, and nothing else; see
// applyEntered.
func (c changes) enter(campaignID, provider, domain, n int64) {
	c.add(campaignID, provider, domain, campaign.Counters{Targeted: n, Queued: n})
}

// applyEntered writes sums of which all came by enter: a launch does so for every
// domain in each batch. Rows that do not exist are made.
func (c changes) applyEntered(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	for _, of := range []struct {
		sums map[counterKey]campaign.Counters
		sql  string
	}{{c.providers, sqlEnterProviderCounters}, {c.domains, sqlEnterDomainCounters}} {
		if args := columns(of.sums); args != nil {
			batch.Queue(of.sql, args[:3]...)
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

// columns turns sums into one array per column, rows without a change left out.
func columns(sums map[counterKey]campaign.Counters) []any {
	keys := make([]counterKey, 0, len(sums))
	for key, change := range sums {
		if change != (campaign.Counters{}) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(a, b counterKey) int {
		return cmp.Or(cmp.Compare(a.campaign, b.campaign), cmp.Compare(a.of, b.of))
	})
	cols := make([][]int64, 12)
	for _, key := range keys {
		n := sums[key]
		for i, v := range [...]int64{key.campaign, key.of, n.Targeted, n.Queued, n.Deferred, n.Delivered,
			n.AcceptedFirst, n.Bounced, n.Expired, n.Suppressed, n.Cancelled, n.InDoubt} {
			cols[i] = append(cols[i], v)
		}
	}
	args := make([]any, len(cols))
	for i := range cols {
		args[i] = cols[i]
	}
	return args
}
