package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// The delivery report adds up campaigns that were launched in a span: $1 is when
// it begins, $2 when the one before it begins, $3 a provider, $4 how many rows. %s
// are the parts that differ between providers and domains.
const sqlDeliveryReport = `
with camps as materialized (
    select id, ledger_id, launched_at >= $1 as now from campaigns
     where launched_at >= $2 and not system and ledger_id is not null
), counted as (
    select n.%[1]s as of_id, sum(n.targeted) filter (where k.now) as targeted, sum(n.queued) filter (where k.now) as queued,
           sum(n.deferred) filter (where k.now) as deferred, sum(n.delivered) filter (where k.now) as delivered,
           sum(n.accepted_first) filter (where k.now) as accepted_first, sum(n.bounced) filter (where k.now) as bounced,
           sum(n.expired) filter (where k.now) as expired, sum(n.suppressed) filter (where k.now) as suppressed,
           sum(n.cancelled) filter (where k.now) as cancelled, sum(n.in_doubt) filter (where k.now) as in_doubt,
           sum(n.delivered) filter (where not k.now) as before, sum(n.delivered + n.bounced + n.expired) filter (where not k.now) as before_tried
      from camps k join %[2]s n on n.campaign_id = k.id
     group by 1 having sum(n.targeted) filter (where k.now) > 0
), met as (
    select %[6]s as of_id, count(*) filter (where d.state = 'bounced' and d.class in ('bad_mailbox', 'bad_domain', 'inactive_mailbox')) as hard,
           percentile_disc(array[0.5, 0.95]) within group (order by extract(epoch from d.updated_at - d.first_attempt_at)::float8)
               filter (where d.state = 'delivered' and d.first_attempt_at is not null) as took
      from camps k join deliveries d on d.ledger_id = k.ledger_id and d.campaign_id = k.id
     where k.now and ($3 = 0 or d.provider_id = $3)
     group by 1
), complained as (
    select c.domain_id, count(*) as n from suppressions s join contacts c on c.address_key = s.key
     where s.reason = 'complained' and s.kind = 'address' and s.created_at >= $1
     group by 1
), complaints as (
    select %[3]s as of_id, sum(x.n) as n from complained x join domains d on d.id = x.domain_id group by 1
)
select counted.of_id, %[4]s, coalesce(counted.targeted, 0)::bigint, coalesce(counted.queued, 0)::bigint, coalesce(counted.deferred, 0)::bigint,
       coalesce(counted.delivered, 0)::bigint, coalesce(counted.accepted_first, 0)::bigint, coalesce(counted.bounced, 0)::bigint,
       coalesce(counted.expired, 0)::bigint, coalesce(counted.suppressed, 0)::bigint, coalesce(counted.cancelled, 0)::bigint,
       coalesce(counted.in_doubt, 0)::bigint, coalesce(met.hard, 0)::bigint, coalesce(complaints.n, 0)::bigint,
       coalesce(met.took[1], 0), coalesce(met.took[2], 0), coalesce(counted.before, 0)::bigint, coalesce(counted.before_tried, 0)::bigint
  from counted
  %[5]s
  left join met on met.of_id = counted.of_id
  left join complaints on complaints.of_id = counted.of_id
 order by counted.targeted desc, 2 limit $4`

var (
	sqlDeliveryByProvider = fmt.Sprintf(sqlDeliveryReport, "provider_id", "campaign_providers", "coalesce(d.provider_id, 0)", "p.name, ''",
		"join providers p on p.id = counted.of_id", "coalesce(d.provider_id, 0)")
	sqlDeliveryByDomain = fmt.Sprintf(sqlDeliveryReport, "domain_id", "campaign_domains", "x.domain_id", "m.name, coalesce(p.name, '')",
		strings.TrimSpace(`
  join domains m on m.id = counted.of_id and ($3 = 0 or m.provider_id = $3)
  left join providers p on p.id = m.provider_id`), "d.domain_id")
)

// DeliveryLine is what came of the mail to a provider or a domain in a span.
type DeliveryLine struct {
	ID       int64 // of the provider, or the domain
	Name     string
	Provider string // of a domain; empty where it is not known
	Counters campaign.Counters
	// Hard are the bounces that name the address or its domain; they are among
	// those of Counters.
	Hard       int64
	Complaints int64 // reported in the span, whatever they are about
	// How long accepted messages took from the first attempt: half of them, and 95
	// of a hundred, no longer than that.
	Median, P95 time.Duration
	// Of the span before: what was accepted, and what came to an end.
	Before, BeforeTried int64
}

// DeliveryByProvider returns what came of the campaigns that were launched since a
// time, by provider, largest first; the span before begins at before.
func (s *Store) DeliveryByProvider(ctx context.Context, since, before time.Time, most int) ([]DeliveryLine, error) {
	return s.deliveryReport(ctx, sqlDeliveryByProvider, since, before, 0, most)
}

// DeliveryByDomain returns the same by the domains of a provider, or of all (0).
func (s *Store) DeliveryByDomain(ctx context.Context, since, before time.Time, provider int64, most int) ([]DeliveryLine, error) {
	return s.deliveryReport(ctx, sqlDeliveryByDomain, since, before, provider, most)
}

func (s *Store) deliveryReport(ctx context.Context, sql string, since, before time.Time, provider int64, most int) ([]DeliveryLine, error) {
	rows, err := s.pool.Query(ctx, sql, since, before, provider, most)
	if err != nil {
		return nil, fmt.Errorf("delivery report: %w", err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DeliveryLine, error) {
		var l DeliveryLine
		var median, p95 float64
		n := &l.Counters
		err := row.Scan(&l.ID, &l.Name, &l.Provider, &n.Targeted, &n.Queued, &n.Deferred, &n.Delivered, &n.AcceptedFirst, &n.Bounced,
			&n.Expired, &n.Suppressed, &n.Cancelled, &n.InDoubt, &l.Hard, &l.Complaints, &median, &p95, &l.Before, &l.BeforeTried)
		l.Median, l.P95 = seconds(median), seconds(p95)
		return l, err
	})
	return lines, wrap(err, "delivery report")
}

func seconds(s float64) time.Duration { return time.Duration(max(s, 0) * float64(time.Second)) }
