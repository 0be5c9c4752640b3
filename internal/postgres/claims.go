package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// sqlBarred finds why a contact c with domain dom must not get campaign camp, or
// null. $1 is always now. An address is looked up by its exact key, and by its
// canonical key where the person left or complained: each for itself, since one
// index cannot answer for both.
// Indexes: suppressions_once, suppressions_canonical, list_members_pkey.
const sqlBarred = `
  left join lateral (
    select min(s.reason) filter (where s.scope = 'global' and s.kind = 'address' and (not camp.system or s.reason = 'bounced')) as address,
           min(s.reason) filter (where s.scope = 'global' and s.kind = 'domain' and not camp.system) as domain,
           coalesce(array_agg(s.list_id) filter (where s.scope = 'list'), '{}') as lists
      from (
        select * from suppressions where kind = 'address' and key = c.address_key
        union all
        select * from suppressions where kind = 'address' and canonical_key = c.canonical_key
        union all
        select * from suppressions where kind = 'domain' and key = dom.name) s
     where s.expires_at is null or s.expires_at > $1
  ) said on true
  left join lateral (
    select coalesce(
        case c.status
            when 'cleaned' then 'bounced'
            when 'complained' then 'complained'
            when 'unsubscribed' then case when camp.system then null else 'unsubscribed' end
            when 'unconfirmed' then case when camp.system then null else 'unconfirmed' end
        end,
        said.address,
        said.domain,
        case when not camp.system and not exists (
            select from campaign_lists cl
              join list_members m on m.list_id = cl.list_id and m.contact_id = c.id and m.status = 'subscribed'
             where cl.campaign_id = camp.id and not cl.exclude and cl.list_id <> all(said.lists))
             and not exists (
            select from campaign_segments cs
              join list_members m on m.contact_id = c.id and m.status = 'subscribed'
             where cs.campaign_id = camp.id and not cs.exclude and m.list_id <> all(said.lists))
            then 'unsubscribed'
        end) as reason
  ) barred on true`

// sqlClaim takes due deliveries out of the queue for several claims, no two of them
// of the same campaign at the same provider: deferred ones first, since their lifetime
// runs and there are few, then queued ones. Those that must not be mailed any more
// stay, and are told with the reason. Within a claim they stand by domain, since a
// connection serves domains that share their hosts. $2 is the node; $3 is the ledger of
// all campaigns, whose table is named. Index: mail_queue_due.
const sqlClaim = `
with asked as materialized (
    select r.*, camp.id, camp.ledger_id, camp.system, case when r.lengthened = 0 then nextval('lease_epochs') else r.lengthened end as epoch
      from unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::int[], $8::boolean[], $9::timestamptz[], $10::bigint[],
                  $11::bigint[], $12::int[])
           with ordinality r(campaign_id, provider_id, domain_id, most, untried, after_due, after_id, lengthened, place, n)
      join campaigns camp on camp.id = r.campaign_id and camp.state = 'sending' and camp.ledger_id = $3
), deferred as materialized (
    select r.n, r.id, r.ledger_id, r.system, r.epoch, q.*
      from asked r
     cross join lateral (
        select q.ctid as place, q.delivery_id, q.domain_id, q.due_at
          from mail_queue q
         where q.campaign_id = r.id and q.provider_id = r.provider_id and q.deferred and q.due_at <= $1
           and (r.domain_id = 0 or q.domain_id = r.domain_id)
         order by q.due_at, q.delivery_id
         limit case when r.untried then 0 else r.most end
           for update of q skip locked) q
), due as materialized (
    select * from deferred
    union all
    select r.n, r.id, r.ledger_id, r.system, r.epoch, q.*
      from asked r
     cross join lateral (
        select q.ctid as place, q.delivery_id, q.domain_id, q.due_at
          from mail_queue q
         where q.campaign_id = r.id and q.provider_id = r.provider_id and not q.deferred and q.due_at <= $1
           and (r.domain_id = 0 or q.domain_id = r.domain_id)
           and (q.due_at, q.delivery_id) > (r.after_due, r.after_id)
         order by q.due_at, q.delivery_id
         limit greatest(r.most - (select count(*) from deferred where deferred.n = r.n), 0)
           for update of q skip locked) q
), judged as materialized (
    select camp.*, d.contact_id, d.state, d.attempts, d.first_attempt_at, d.doubted,
           c.address, c.address_key, c.canonical_key, c.fields, dom.name as domain, barred.reason
      from due camp
      join %s d on d.ledger_id = camp.ledger_id and d.id = camp.delivery_id and d.state in ('queued', 'deferred')
      join contacts c on c.id = d.contact_id
      join domains dom on dom.id = camp.domain_id` + sqlBarred + `
), taken as (
    delete from mail_queue where ctid = any(
        array(select place from judged where reason is null)
        || case when (select count(*) from due) > (select count(*) from judged) -- some are no longer what they were
                then array(select place from due where place not in (select place from judged)) end)
), held as (
    insert into claims (epoch, place, node_id, ledger_id, deliveries, attempts)
    select r.epoch, r.place, $2, r.ledger_id, line.ids, line.attempts
      from asked r
     cross join lateral (
        select array_agg(delivery_id order by domain_id, due_at, delivery_id) as ids,
               array_agg(attempts order by domain_id, due_at, delivery_id) as attempts
          from judged where judged.n = r.n and reason is null) line
     where line.ids is not null
)
select n::int, ledger_id, delivery_id, id, contact_id, domain_id, state::text, attempts, first_attempt_at,
       address, address_key, canonical_key, fields, domain, coalesce(reason, ''), doubted, due_at, epoch
  from judged`

// sqlBar ends what a claim found that must not be mailed any more, where it still
// waits. Index: mail_queue_due.
const sqlBar = `
with gone as (
    delete from mail_queue q
     using unnest($2::int[], $3::bigint[], $4::text[]) k(ledger_id, id, reason)
      join deliveries d on d.ledger_id = k.ledger_id and d.id = k.id and d.state in ('queued', 'deferred')
     where ` + sqlQueued + `
    returning d.ledger_id, d.id, d.state, k.reason
)
update deliveries d
   set state = case when d.doubted then 'in_doubt'::delivery_state else 'suppressed' end, class = gone.reason, updated_at = $1
  from gone where d.ledger_id = gone.ledger_id and d.id = gone.id
returning d.campaign_id, coalesce(d.provider_id, 0), d.domain_id, gone.state::text, d.doubted`

// Claimed is a delivery that a lane may now send.
type Claimed struct {
	Request      int // of those that were made together, from 1
	Ledger       int32
	Delivery     int64
	Campaign     int64
	Contact      int64
	DomainID     int64
	State        campaign.DeliveryState
	Attempts     int
	FirstAttempt *time.Time // nil before the first attempt
	Address      string
	AddressKey   string
	CanonicalKey string
	Fields       map[string]any
	Domain       string
	Barred       string // why it was suppressed instead; empty for those to send
	Doubted      bool   // an earlier attempt was in doubt
	Due          time.Time
	Epoch        int64 // of the claim
}

// ClaimRequest says what a lane wants.
type ClaimRequest struct {
	Ledger   int32 // of the campaign
	Campaign int64
	Provider int64
	Domain   int64 // only its deliveries; 0: those of all domains
	Node     int64
	Limit    int
	Queued   bool // only those that were never tried
	Now      time.Time

	// Epoch makes what is taken the end of a claim that the node has in hand,
	// behind its first Place places: one message of both may be on its way. 0:
	// a claim of its own.
	Epoch int64
	Place int

	// After leaves out what was never tried and stands at or before a place in the
	// queue: rows that others took from its beginning need not be passed again. The
	// zero value leaves out nothing.
	After QueuePlace
}

// QueuePlace is a place in the queue of what was never tried, at one provider.
type QueuePlace struct {
	Due      time.Time
	Delivery int64
}

// Before reports whether p comes before other.
func (p QueuePlace) Before(other QueuePlace) bool {
	return cmp.Or(p.Due.Compare(other.Due), cmp.Compare(p.Delivery, other.Delivery)) < 0
}

// Taken is what a claim brought: deliveries in the order in which they are to be
// sent, and how many were suppressed instead, since they must not be mailed any more.
type Taken struct {
	Deliveries []Claimed
	Suppressed int
}

// Claim takes due deliveries for several lanes of one node at one time, for each
// those that fall due first. No two requests may be for the same campaign at the same
// provider, and the ledger of all must be the same. done are claims of which every
// delivery has its outcome; they end on the way.
func (s *Store) Claim(ctx context.Context, requests []ClaimRequest, done ...int64) ([]Taken, error) {
	var all []Claimed
	batch := &pgx.Batch{} // a transaction of its own, in one round trip
	if len(done) > 0 {
		batch.Queue(sqlEndClaims, done)
	}
	batch.Queue(fmt.Sprintf(sqlClaim, ledgerTable(requests[0].Ledger)), claimColumns(requests)...).Query(func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Claimed])
		return err
	})
	if err := s.hot.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("claim for campaign %d at provider %d and %d more: %w",
			requests[0].Campaign, requests[0].Provider, len(requests)-1, err)
	}
	var barred []Claimed
	found := make([]Taken, len(requests))
	for _, d := range all {
		f := &found[d.Request-1]
		if d.Barred != "" {
			barred = append(barred, d)
			f.Suppressed++
			continue
		}
		f.Deliveries = append(f.Deliveries, d)
	}
	for _, f := range found { // as their claim has them
		slices.SortFunc(f.Deliveries, func(a, b Claimed) int {
			return cmp.Or(cmp.Compare(a.DomainID, b.DomainID), a.Due.Compare(b.Due), cmp.Compare(a.Delivery, b.Delivery))
		})
	}
	if len(barred) > 0 {
		if err := s.bar(ctx, barred, requests[0].Now); err != nil {
			return nil, fmt.Errorf("suppress who must not be mailed: %w", err)
		}
	}
	return found, nil
}

// claimColumns are the parameters of [sqlClaim].
func claimColumns(requests []ClaimRequest) []any {
	n := len(requests)
	campaigns, providers, domains := make([]int64, n), make([]int64, n), make([]int64, n)
	limits, untried := make([]int32, n), make([]bool, n)
	afterDue, afterID := make([]time.Time, n), make([]int64, n)
	epochs, places := make([]int64, n), make([]int32, n)
	for i, r := range requests {
		campaigns[i], providers[i], domains[i] = r.Campaign, r.Provider, r.Domain
		limits[i], untried[i] = int32(r.Limit), r.Queued
		afterDue[i], afterID[i] = r.After.Due, r.After.Delivery
		epochs[i], places[i] = r.Epoch, int32(r.Place)
	}
	return []any{requests[0].Now, requests[0].Node, requests[0].Ledger, campaigns, providers, domains, limits, untried,
		afterDue, afterID, epochs, places}
}

// bar ends deliveries to those who must not be mailed.
func (s *Store) bar(ctx context.Context, barred []Claimed, now time.Time) error {
	ledgers, ids, reasons := make([]int32, len(barred)), make([]int64, len(barred)), make([]string, len(barred))
	for i, d := range barred {
		ledgers[i], ids[i], reasons[i] = d.Ledger, d.Delivery, d.Barred
	}
	return pgx.BeginFunc(ctx, s.hot, func(tx pgx.Tx) error {
		_, err := endIn(ctx, tx, campaign.Suppressed, sqlBar, now, ledgers, ids, reasons)
		return err
	})
}

// sqlPeek finds the domain of the delivery that a claim would begin with. Index:
// mail_queue_due.
const sqlPeek = `
select dom.id, dom.name
  from campaigns camp
  join domains dom on dom.id = coalesce(
        (select q.domain_id from mail_queue q
          where q.campaign_id = camp.id and q.provider_id = $2 and q.deferred and q.due_at <= $3 and not $4
          order by q.due_at, q.delivery_id limit 1),
        (select q.domain_id from mail_queue q
          where q.campaign_id = camp.id and q.provider_id = $2 and not q.deferred and q.due_at <= $3
          order by q.due_at, q.delivery_id limit 1))
 where camp.id = $1 and camp.state = 'sending'`

// Peek returns the domain of a campaign's delivery that falls due first at a
// provider, without leasing anything; false when nothing is due. With queued,
// only what was never tried counts.
func (s *Store) Peek(ctx context.Context, campaignID, provider int64, queued bool, now time.Time) (id int64, name string, due bool, err error) {
	err = s.hot.QueryRow(ctx, sqlPeek, campaignID, provider, now, queued).Scan(&id, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", false, nil
	}
	if err != nil {
		return 0, "", false, fmt.Errorf("peek at campaign %d at provider %d: %w", campaignID, provider, err)
	}
	return id, name, true, nil
}

// Due is work that waits: deliveries of a campaign at a provider.
type Due struct {
	Ledger   int32
	Campaign int64
	Provider int64
	At       time.Time // when the first of them falls due
	Waiting  int64     // queued and deferred in all, claimed ones among them
	Deferred int64     // of these, those that were tried before
	Knock    bool      // its hold there is over: one message tries
	Weight   int
	Launched time.Time
}

// sqlDue asks each live (campaign, provider) with waiting mail when its next
// delivery in the queue falls due. Index: mail_queue_due, two probes a row.
const sqlDue = `
select coalesce(camp.ledger_id, 0), camp.id, cp.provider_id, least(deferred.due_at, fresh.due_at), cp.queued + cp.deferred, cp.deferred,
       hold.until is not null, camp.weight, camp.launched_at
  from campaigns camp
  join campaign_providers cp on cp.campaign_id = camp.id and cp.queued + cp.deferred > 0 and cp.provider_id > 0
  left join campaign_holds hold on hold.campaign_id = camp.id and hold.provider_id = cp.provider_id
  left join lateral (
    select q.due_at from mail_queue q
     where q.campaign_id = camp.id and q.provider_id = cp.provider_id and q.deferred
     order by q.due_at, q.delivery_id limit 1) deferred on cp.deferred > 0
  left join lateral (
    select q.due_at from mail_queue q
     where q.campaign_id = camp.id and q.provider_id = cp.provider_id and not q.deferred
     order by q.due_at, q.delivery_id limit 1) fresh on cp.queued > 0
 where camp.state = 'sending' and (deferred.due_at is not null or fresh.due_at is not null)
   and (hold.until is null or hold.until <= $1)`

// Due returns the waiting work of all sending campaigns that are not held at the
// provider, in no order.
func (s *Store) Due(ctx context.Context, now time.Time) ([]Due, error) {
	rows, err := s.hot.Query(ctx, sqlDue, now)
	if err != nil {
		return nil, fmt.Errorf("due deliveries: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Due])
	if err != nil {
		return nil, fmt.Errorf("due deliveries: %w", err)
	}
	return due, nil
}
