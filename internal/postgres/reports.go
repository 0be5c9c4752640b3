package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// ProviderCounters are a campaign's totals at one provider.
type ProviderCounters struct {
	Provider int64
	Name     string
	Counters campaign.Counters
}

// DomainCounters are a campaign's totals at one recipient domain.
type DomainCounters struct {
	Domain   string
	Provider string
	Counters campaign.Counters
}

// Recipient is one delivery as a person asks for it.
type Recipient struct {
	Contact   int64
	Address   string
	State     campaign.DeliveryState
	Attempts  int
	Code      int
	Class     string
	Reply     string
	Provider  string
	UpdatedAt time.Time
}

// ReplyGroup is how often a provider gave the same kind of refusal in a campaign.
type ReplyGroup struct {
	Provider string
	Outcome  string
	Code     int
	Class    string
	Rule     string
	Count    int64
	First    time.Time
	Last     time.Time
	Sample   string
}

const (
	sqlProviderCounters = `
select p.provider_id, pr.name, p.targeted, p.queued, p.deferred, p.delivered, p.accepted_first, p.bounced,
       p.expired, p.suppressed, p.cancelled, p.in_doubt
  from campaign_providers p join providers pr on pr.id = p.provider_id
 where p.campaign_id = $1 and p.targeted > 0
 order by p.targeted desc, pr.name`

	sqlDomainCounters = `
select d.name, coalesce(pr.name, ''), n.targeted, n.queued, n.deferred, n.delivered, n.accepted_first, n.bounced,
       n.expired, n.suppressed, n.cancelled, n.in_doubt
  from (select * from campaign_domains where campaign_id = $1 and targeted > 0 order by targeted desc, domain_id limit $2) n
  join domains d on d.id = n.domain_id left join providers pr on pr.id = d.provider_id
 order by n.targeted desc, d.name`

	// The ledger is a value, so that the planner looks at its partition alone.
	sqlLedgerOf = `select coalesce(ledger_id, 0) from campaigns where id = $1`

	sqlRecipientsFrom = `
select d.contact_id, c.address, d.state::text, d.attempts, coalesce(d.code, 0), coalesce(d.class, ''),
       coalesce(d.reply, ''), coalesce(pr.name, ''), d.updated_at
  from (select * from deliveries
         where ledger_id = $4 and campaign_id = $1 and contact_id > $2`
	sqlRecipientsTo = ` order by contact_id limit $3) d
  join contacts c on c.id = d.contact_id
  left join providers pr on pr.id = d.provider_id
 order by d.contact_id`

	// In the order of contacts, within one partition: all, those in one state, and
	// the same of a state that few end in. Indexes: deliveries_once, deliveries_failed.
	sqlRecipients       = sqlRecipientsFrom + sqlRecipientsTo
	sqlRecipientsIn     = sqlRecipientsFrom + ` and state = $5::delivery_state` + sqlRecipientsTo
	sqlRecipientsFailed = sqlRecipientsFrom + ` and failed = $5::delivery_state` + sqlRecipientsTo

	// The same with what they did. Index: engagements_pkey, once for each.
	sqlRecipientsEngaged       = `with page as (` + sqlRecipients + sqlWithEngagements
	sqlRecipientsEngagedIn     = `with page as (` + sqlRecipientsIn + sqlWithEngagements
	sqlRecipientsEngagedFailed = `with page as (` + sqlRecipientsFailed + sqlWithEngagements
	sqlWithEngagements         = `)
select page.*, e.clicked_at, coalesce(e.clicks, 0), coalesce(e.opens, 0), coalesce(e.program_clicks, 0), coalesce(e.program_opens, 0)
  from page
  left join lateral (
    select min(first_at) filter (where kind = 'click' and not machine) as clicked_at,
           sum(times) filter (where kind = 'click' and not machine)::bigint as clicks,
           sum(times) filter (where kind = 'open' and not machine)::bigint as opens,
           sum(times) filter (where kind = 'click' and machine)::bigint as program_clicks,
           sum(times) filter (where kind = 'open' and machine)::bigint as program_opens
      from engagements where campaign_id = $1 and contact_id = page.contact_id and link = 0) e on true
 order by page.contact_id`

	sqlReplyGroups = `
select pr.name, a.outcome, a.code, a.class, a.rule, count(*), min(a.at), max(a.at),
       (array_agg(a.reply order by a.at desc))[1]
  from attempts a join providers pr on pr.id = a.provider_id
 where a.campaign_id = $1
 group by pr.name, a.outcome, a.code, a.class, a.rule
 order by count(*) desc, pr.name limit $2`

	// How often each provider answered 421 to a campaign. Index: attempts_campaign.
	sqlThrottled = `
select provider_id, count(*) from attempts where campaign_id = $1 and code = 421 group by provider_id`

	// What changed in the pace of a campaign's two hundred largest providers while
	// it was sent. Index: pace_events_at.
	sqlCampaignPaceEvents = `
select e.id, e.at, e.source_id, e.provider_id, pr.name, e.kind, e.was, e.now, e.reason, e.reply, e.until
  from campaigns c
 cross join lateral (select provider_id from campaign_providers where campaign_id = c.id and targeted > 0 order by targeted desc, provider_id limit 200) p
 cross join lateral (select * from pace_events
                      where provider_id = p.provider_id and at >= c.launched_at and at <= coalesce(c.finished_at, 'infinity') order by at desc limit $2) e
  join providers pr on pr.id = e.provider_id
 where c.id = $1
 order by e.id desc limit $2`

	sqlInDoubt = `select count(*) from attempts where outcome = 'in_doubt' and at >= $1`

	// Index: provider_minutes_minute.
	sqlRecentMinutes = `
select provider_id, sum(accepted)::bigint, sum(deferred)::bigint, sum(bounced)::bigint, sum(throttled)::bigint
  from provider_minutes where minute >= $1 group by provider_id`

	// Index: provider_minutes_pkey.
	sqlRecentOf = `
select $1::bigint, coalesce(sum(accepted), 0)::bigint, coalesce(sum(deferred), 0)::bigint, coalesce(sum(bounced), 0)::bigint, coalesce(sum(throttled), 0)::bigint
  from provider_minutes where provider_id = $1 and minute >= $2`
)

// ProviderCounters returns a campaign's totals by provider, largest first.
func (s *Store) ProviderCounters(ctx context.Context, id int64) ([]ProviderCounters, error) {
	rows, err := s.pool.Query(ctx, sqlProviderCounters, id)
	if err != nil {
		return nil, fmt.Errorf("providers of campaign %d: %w", id, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ProviderCounters, error) {
		var p ProviderCounters
		n := &p.Counters
		err := row.Scan(&p.Provider, &p.Name, &n.Targeted, &n.Queued, &n.Deferred, &n.Delivered, &n.AcceptedFirst,
			&n.Bounced, &n.Expired, &n.Suppressed, &n.Cancelled, &n.InDoubt)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("providers of campaign %d: %w", id, err)
	}
	return all, nil
}

// DomainCounters returns a campaign's totals by recipient domain, largest first.
func (s *Store) DomainCounters(ctx context.Context, id int64, limit int) ([]DomainCounters, error) {
	rows, err := s.pool.Query(ctx, sqlDomainCounters, id, limit)
	if err != nil {
		return nil, fmt.Errorf("domains of campaign %d: %w", id, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DomainCounters, error) {
		var d DomainCounters
		n := &d.Counters
		err := row.Scan(&d.Domain, &d.Provider, &n.Targeted, &n.Queued, &n.Deferred, &n.Delivered, &n.AcceptedFirst,
			&n.Bounced, &n.Expired, &n.Suppressed, &n.Cancelled, &n.InDoubt)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("domains of campaign %d: %w", id, err)
	}
	return all, nil
}

// Recipients returns a campaign's deliveries in a state (all when empty), by
// contact id after the given one.
func (s *Store) Recipients(ctx context.Context, id int64, state campaign.DeliveryState, after int64, limit int) ([]Recipient, error) {
	return recipients[Recipient](ctx, s, id, state, after, limit, sqlRecipients, sqlRecipientsIn, sqlRecipientsFailed)
}

// recipients reads a page of deliveries by one of three statements: of all states, of
// one, or of one that has an index of its own.
func recipients[T any](ctx context.Context, s *Store, id int64, state campaign.DeliveryState, after int64, limit int, all, in, failed string) ([]T, error) {
	ledger, err := s.ledgerOf(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("recipients of campaign %d: %w", id, err)
	}
	sql, args := all, []any{id, after, limit, ledger}
	switch {
	case state == "":
	case state.Final() && state != campaign.Delivered:
		sql, args = failed, append(args, string(state))
	default:
		sql, args = in, append(args, string(state))
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("recipients of campaign %d: %w", id, err)
	}
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return page, wrap(err, fmt.Sprintf("recipients of campaign %d", id))
}

// EngagedRecipient is one delivery with what became of it at its reader. Programs
// are told from people by campaign/engagement.
type EngagedRecipient struct {
	Recipient
	ClickedAt     *time.Time // when a person first used a link; nil for never
	Clicks        int64      // by a person, of any link
	Opens         int64
	ProgramClicks int64 // in the reader's name
	ProgramOpens  int64
}

// EngagedRecipients is [Store.Recipients] with what the readers did.
func (s *Store) EngagedRecipients(ctx context.Context, id int64, state campaign.DeliveryState, after int64, limit int) ([]EngagedRecipient, error) {
	return recipients[EngagedRecipient](ctx, s, id, state, after, limit, sqlRecipientsEngaged, sqlRecipientsEngagedIn, sqlRecipientsEngagedFailed)
}

// ledgerOf returns the ledger of a campaign, 0 before its launch and for one that
// does not exist.
func (s *Store) ledgerOf(ctx context.Context, id int64) (ledger int32, err error) {
	err = s.pool.QueryRow(ctx, sqlLedgerOf, id).Scan(&ledger)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return ledger, err
}

// ReplyGroups returns the refusals of a campaign grouped, most frequent first.
func (s *Store) ReplyGroups(ctx context.Context, id int64, limit int) ([]ReplyGroup, error) {
	rows, err := s.pool.Query(ctx, sqlReplyGroups, id, limit)
	if err != nil {
		return nil, fmt.Errorf("replies to campaign %d: %w", id, err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ReplyGroup])
	if err != nil {
		return nil, fmt.Errorf("replies to campaign %d: %w", id, err)
	}
	return groups, nil
}

// Throttled returns how often each provider answered 421 to a campaign.
func (s *Store) Throttled(ctx context.Context, id int64) (map[int64]int64, error) {
	rows, err := s.pool.Query(ctx, sqlThrottled, id)
	if err != nil {
		return nil, fmt.Errorf("throttling of campaign %d: %w", id, err)
	}
	counts := make(map[int64]int64)
	var provider, n int64
	_, err = pgx.ForEachRow(rows, []any{&provider, &n}, func() error {
		counts[provider] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("throttling of campaign %d: %w", id, err)
	}
	return counts, nil
}

// CampaignPaceEvents returns the changes of pace of a campaign's largest
// providers while it was sent, newest first.
func (s *Store) CampaignPaceEvents(ctx context.Context, id int64, limit int) ([]PaceEvent, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignPaceEvents, id, limit)
	if err != nil {
		return nil, fmt.Errorf("pace events of campaign %d: %w", id, err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceEvent])
	if err != nil {
		return nil, fmt.Errorf("pace events of campaign %d: %w", id, err)
	}
	return events, nil
}

// InDoubtSince counts the attempts that were in doubt since a time.
func (s *Store) InDoubtSince(ctx context.Context, since time.Time) (int, error) {
	var n int
	if err := s.pool.QueryRow(ctx, sqlInDoubt, since).Scan(&n); err != nil {
		return 0, fmt.Errorf("attempts in doubt: %w", err)
	}
	return n, nil
}

// Recent is what happened at a provider lately.
type Recent struct {
	Provider                               int64
	Accepted, Deferred, Bounced, Throttled int64
}

// Recent returns what happened at each provider since the given minute.
func (s *Store) Recent(ctx context.Context, since time.Time) (map[int64]Recent, error) {
	rows, err := s.pool.Query(ctx, sqlRecentMinutes, since)
	if err != nil {
		return nil, fmt.Errorf("recent minutes: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Recent])
	if err != nil {
		return nil, fmt.Errorf("recent minutes: %w", err)
	}
	byProvider := make(map[int64]Recent, len(all))
	for _, r := range all {
		byProvider[r.Provider] = r
	}
	return byProvider, nil
}

// RecentOf returns what happened at one provider since the given minute.
func (s *Store) RecentOf(ctx context.Context, provider int64, since time.Time) (Recent, error) {
	rows, err := s.pool.Query(ctx, sqlRecentOf, provider, since)
	if err != nil {
		return Recent{}, fmt.Errorf("recent minutes: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Recent])
	return r, wrap(err, "recent minutes")
}
