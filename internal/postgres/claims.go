package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headwaymail/headway/campaign"
)

// sqlBarred finds why a contact c with domain dom must not get campaign camp, or
// null. $1 is always now. An address is looked up by its exact key, and by its
// canonical key where the person left or complained: each for itself, since one
// index cannot answer for both.
// Indexes: suppressions_once, suppressions_canonical, list_members_pkey.
const sqlBarred = `
  left join lateral (
    select coalesce(
        case c.status
            when 'cleaned' then 'bounced'
            when 'complained' then 'complained'
            when 'unsubscribed' then case when camp.system then null else 'unsubscribed' end
            when 'unconfirmed' then case when camp.system then null else 'unconfirmed' end
        end,
        (select min(s.reason) from (
            select * from suppressions where kind = 'address' and key = c.address_key
            union all
            select * from suppressions where kind = 'address' and canonical_key = c.canonical_key) s
          where s.scope = 'global' and (s.expires_at is null or s.expires_at > $1)
            and (not camp.system or s.reason = 'bounced')),
        (select min(s.reason) from suppressions s
          where s.kind = 'domain' and s.scope = 'global' and s.key = dom.name
            and (s.expires_at is null or s.expires_at > $1) and not camp.system),
        case when not camp.system and not exists (
            select from campaign_lists cl
              join list_members m on m.list_id = cl.list_id and m.contact_id = c.id and m.status = 'subscribed'
             where cl.campaign_id = camp.id and not cl.exclude
               and not exists (
                   select from suppressions s
                    where s.kind = 'address' and s.scope = 'list' and s.list_id = cl.list_id and s.key = c.address_key
                      and (s.expires_at is null or s.expires_at > $1))
               and not exists (
                   select from suppressions s
                    where s.kind = 'address' and s.scope = 'list' and s.list_id = cl.list_id and s.canonical_key = c.canonical_key
                      and (s.expires_at is null or s.expires_at > $1))
               and not exists (
                   select from suppressions s
                    where s.kind = 'domain' and s.scope = 'list' and s.list_id = cl.list_id and s.key = dom.name
                      and (s.expires_at is null or s.expires_at > $1)))
             and not exists (
            select from campaign_segments cs
              join list_members m on m.contact_id = c.id and m.status = 'subscribed'
             where cs.campaign_id = camp.id and not cs.exclude
               and not exists (
                   select from suppressions s
                    where s.kind = 'address' and s.scope = 'list' and s.list_id = m.list_id and s.key = c.address_key
                      and (s.expires_at is null or s.expires_at > $1))
               and not exists (
                   select from suppressions s
                    where s.kind = 'address' and s.scope = 'list' and s.list_id = m.list_id and s.canonical_key = c.canonical_key
                      and (s.expires_at is null or s.expires_at > $1))
               and not exists (
                   select from suppressions s
                    where s.kind = 'domain' and s.scope = 'list' and s.list_id = m.list_id and s.key = dom.name
                      and (s.expires_at is null or s.expires_at > $1)))
            then 'unsubscribed'
        end) as reason
  ) barred on true`

// sqlClaim leases due deliveries of one provider: deferred ones first, since
// their lifetime runs and there are few, then queued ones. Those that must not
// be mailed any more become suppressed in the same statement. Within the claim
// they stand by domain, since a connection serves domains that share their
// hosts. Index: deliveries_due.
const sqlClaim = `
with epoch as materialized (
    select case when $8::bigint = 0 then nextval('lease_epochs') else $8 end as n
), deferred as materialized (
    select d.ledger_id, d.id, d.contact_id, d.domain_id, d.state, d.attempts, d.first_attempt_at, d.due_at,
           d.doubted, camp.id as campaign_id, camp.system
      from campaigns camp
      join deliveries d on d.ledger_id = camp.ledger_id and d.campaign_id = camp.id
     where camp.id = $2 and camp.state = 'sending'
       and d.provider_id = $3 and d.lease_node is null and d.state = 'deferred' and d.due_at <= $1
       and ($6::bigint = 0 or d.domain_id = $6)
     order by d.due_at, d.id
     limit case when $7 then 0 else $4::int end
       for update of d skip locked
), queued as materialized (
    select d.ledger_id, d.id, d.contact_id, d.domain_id, d.state, d.attempts, d.first_attempt_at, d.due_at,
           d.doubted, camp.id as campaign_id, camp.system
      from campaigns camp
      join deliveries d on d.ledger_id = camp.ledger_id and d.campaign_id = camp.id
     where camp.id = $2 and camp.state = 'sending'
       and d.provider_id = $3 and d.lease_node is null and d.state = 'queued' and d.due_at <= $1
       and ($6::bigint = 0 or d.domain_id = $6)
     order by d.due_at, d.id
     limit greatest($4 - (select count(*) from deferred), 0)
       for update of d skip locked
), due as materialized (
    select * from deferred union all select * from queued
), line as materialized (
    select array_agg(id order by domain_id, due_at, id) as ids from due
), judged as materialized (
    select camp.*, c.address, c.address_key, c.canonical_key, c.fields, dom.name as domain, barred.reason,
           array_position((select ids from line), camp.delivery_id) as place
      from (select due.ledger_id, due.id as delivery_id, due.contact_id, due.domain_id, due.state, due.attempts,
                   due.first_attempt_at, due.due_at, due.doubted, due.campaign_id as id, due.system from due) camp
      join contacts c on c.id = camp.contact_id
      join domains dom on dom.id = camp.domain_id` + sqlBarred + `
), leased as (
    update deliveries d
       set lease_node = $5, lease_epoch = epoch.n, lease_order = judged.place + $9
      from judged, epoch
     where d.ledger_id = judged.ledger_id and d.id = judged.delivery_id and judged.reason is null
), stopped as (
    update deliveries d
       set state = case when judged.doubted then 'in_doubt'::delivery_state else 'suppressed' end, class = judged.reason, updated_at = $1
      from judged
     where d.ledger_id = judged.ledger_id and d.id = judged.delivery_id and judged.reason is not null
)
select judged.ledger_id, judged.delivery_id, judged.id, judged.contact_id, judged.domain_id, judged.state::text,
       judged.attempts, judged.first_attempt_at, judged.address, judged.address_key, judged.canonical_key,
       judged.fields, judged.domain, coalesce(judged.reason, ''), judged.doubted, epoch.n, judged.place
  from judged, epoch`

// Claimed is a delivery that a lane may now send.
type Claimed struct {
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
	Epoch        int64  // fences the outcome
	Place        int    // among those that were claimed with it, from 1: they are sent in this order
}

// ClaimRequest says what a lane wants.
type ClaimRequest struct {
	Campaign int64
	Provider int64
	Domain   int64 // only its deliveries; 0: those of all domains
	Node     int64
	Limit    int
	Queued   bool // only those that were never tried
	Now      time.Time

	// Epoch makes what is leased the end of a claim that the node has in hand,
	// behind its first Place places: one message of both may be on its way. 0:
	// a claim of its own.
	Epoch int64
	Place int
}

// Claim leases due deliveries of a campaign at a provider, those that fall due
// first. Deliveries of those who must not be mailed any more are suppressed
// instead; their number is returned beside.
func (s *Store) Claim(ctx context.Context, r ClaimRequest) ([]Claimed, int, error) {
	var claimed []Claimed
	suppressed := 0
	err := s.inPipe(ctx, func(conn *pgxpool.Conn) error {
		all, err := claimRows(ctx, conn, r)
		if err != nil {
			return err
		}
		sums := newChanges()
		for _, d := range all {
			if d.Barred == "" {
				claimed = append(claimed, d)
				continue
			}
			suppressed++
			sums.move(r.Campaign, r.Provider, d.DomainID, d.State, campaign.Suppressed.After(d.Doubted), false)
		}
		batch := &pgx.Batch{}
		sums.queue(batch, false)
		batch.Queue("commit")
		return conn.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, 0, fmt.Errorf("claim for campaign %d at provider %d: %w", r.Campaign, r.Provider, err)
	}
	return claimed, suppressed, nil
}

// claimRows begins a transaction and leases, in one round trip.
func claimRows(ctx context.Context, conn *pgxpool.Conn, r ClaimRequest) (all []Claimed, err error) {
	batch := &pgx.Batch{}
	batch.Queue("begin")
	batch.Queue(sqlClaim, r.Now, r.Campaign, r.Provider, r.Limit, r.Node, r.Domain, r.Queued, r.Epoch, r.Place).Query(func(rows pgx.Rows) error {
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Claimed])
		slices.SortFunc(all, func(a, b Claimed) int { return a.Place - b.Place })
		return err
	})
	return all, conn.SendBatch(ctx, batch).Close()
}

// sqlPeek finds the domain of the delivery that a claim would begin with. Index:
// deliveries_due.
const sqlPeek = `
select dom.id, dom.name
  from campaigns camp
  join domains dom on dom.id = coalesce(
        (select d.domain_id from deliveries d
          where d.ledger_id = camp.ledger_id and d.campaign_id = camp.id and d.provider_id = $2
            and d.lease_node is null and d.state = 'deferred' and d.due_at <= $3 and not $4
          order by d.due_at, d.id limit 1),
        (select d.domain_id from deliveries d
          where d.ledger_id = camp.ledger_id and d.campaign_id = camp.id and d.provider_id = $2
            and d.lease_node is null and d.state = 'queued' and d.due_at <= $3
          order by d.due_at, d.id limit 1))
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
	Campaign int64
	Provider int64
	At       time.Time // when the first of them falls due
	Waiting  int64     // queued and deferred in all, leased ones among them
	Deferred int64     // of these, those that were tried before
	Knock    bool      // its hold there is over: one message tries
	Weight   int
	Launched time.Time
}

// sqlDue asks each live (campaign, provider) with waiting mail when its next
// unleased delivery falls due. Index: deliveries_due, two probes a row.
const sqlDue = `
select camp.id, cp.provider_id, least(deferred.due_at, queued.due_at), cp.queued + cp.deferred, cp.deferred,
       hold.until is not null, camp.weight, camp.launched_at
  from campaigns camp
  join campaign_providers cp on cp.campaign_id = camp.id and cp.queued + cp.deferred > 0 and cp.provider_id > 0
  left join campaign_holds hold on hold.campaign_id = camp.id and hold.provider_id = cp.provider_id
  left join lateral (
    select d.due_at from deliveries d
     where d.ledger_id = camp.ledger_id and d.campaign_id = camp.id and d.provider_id = cp.provider_id
       and d.lease_node is null and d.state = 'deferred'
     order by d.due_at, d.id limit 1) deferred on cp.deferred > 0
  left join lateral (
    select d.due_at from deliveries d
     where d.ledger_id = camp.ledger_id and d.campaign_id = camp.id and d.provider_id = cp.provider_id
       and d.lease_node is null and d.state = 'queued'
     order by d.due_at, d.id limit 1) queued on cp.queued > 0
 where camp.state = 'sending' and (deferred.due_at is not null or queued.due_at is not null)
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
