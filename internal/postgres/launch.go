package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// ownLedger is the number of recipients from which a campaign gets a
	// partition of its own. Thousands of partitions cost planning time (85 ms
	// for one contact's timeline over 2,000), so small campaigns share.
	ownLedger = 100_000

	// How many recipients a campaign may have, $2 at most, by the members of its
	// lists and the last counts of its segments.
	sqlCampaignSize = `
select (select count(*) from (
          select from campaign_lists cl join list_members m on m.list_id = cl.list_id
           where cl.campaign_id = $1 and not cl.exclude limit $2) members)
     + (select coalesce(sum(s.counted), 0)::bigint from campaign_segments cs join segments s on s.id = cs.segment_id
         where cs.campaign_id = $1 and not cs.exclude)`

	sqlNewLedger   = `insert into ledgers (created_at) values ($1) returning id`
	sqlMonthLedger = `
insert into ledgers (month, created_at) values (date_trunc('month', $1::timestamptz at time zone 'UTC')::date, $1)
on conflict (month) do nothing`
	sqlMonthLedgerID = `
select id from ledgers where month = date_trunc('month', $1::timestamptz at time zone 'UTC')::date`

	// The partition is made and indexed while nobody sees it, then attached:
	// the parent is never locked against readers. Pages keep room for what the
	// outcomes add to their rows, so that they are changed in place.
	sqlLedgerTable  = `create table if not exists deliveries_%[1]d (like deliveries including all) with (fillfactor = 60)`
	sqlLedgerAttach = `
alter table deliveries attach partition deliveries_%[1]d for values in (%[1]d)`
	sqlLedgerAttached = `
select exists (select from pg_inherits where inhrelid = $1::regclass)`

	sqlSetLedger = `update campaigns set ledger_id = $2 where id = $1 and ledger_id is null`

	sqlLaunching = `
select state::text, coalesce(ledger_id, 0), launch_cursor, launch_done, launched_at, settings from campaigns where id = $1`

	sqlLockLaunch = `
select state in ('sending', 'paused') and not launch_done and launch_cursor = $2, audience from campaigns where id = $1 for update`

	// A batch need not be on disk before the next one begins: what a crash takes of
	// it, its cursor included, is done anew, and a claim, which is on disk before
	// anything is sent, never gets there before the batch that it claims from. It
	// would hold the counters of all domains meanwhile.
	sqlLaunchUnflushed = `select set_config('synchronous_commit', 'off', true)`

	sqlLaunchEdge = `
select max(id) from (select id from contacts where id > $1 order by id limit $2) next`

	// One batch: those who will receive become deliveries. No conflict stays: the
	// cursor moves in the same transaction, and only from where the batch began; to
	// ask for conflicts would cost a third of the insert. Rows of a provider stand side
	// by side, as they enter the queue and as they are claimed.
	sqlLaunchBatch = sqlJudgedMembers + `, entered as (
    insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, provider_id, slice, due_at, updated_at)
    select $11, $2, id, domain_id, provider_id, slice, case when slice = 0 then $1 else $12::timestamptz end, $1
      from judged where fate = 'will_receive' order by provider_id, id
    returning id, provider_id, domain_id, due_at
)` + sqlLaunchQueue + sqlLaunchCounts

	// The same for readers who get it at a time of their own: $13 on the wall of
	// the zone in the field $14, and $15 where that is none.
	sqlLaunchBatchByZone = sqlJudgedMembers + `, zones as materialized (
    select distinct on (lower(name)) lower(name) as key, $13::timestamp at time zone name as due from pg_timezone_names order by lower(name)
), timed as materialized (
    select judged.*, case when judged.slice = 0 then greatest($1, coalesce(zones.due, $15::timestamptz)) else $12::timestamptz end as due_at
      from judged
      join contacts c on c.id = judged.id and c.id > $3 and c.id <= $4
      left join zones on zones.key = lower(btrim(c.fields ->> $14))
     where judged.fate = 'will_receive'
), entered as (
    insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, provider_id, slice, due_at, updated_at)
    select $11, $2, id, domain_id, provider_id, slice, due_at, $1 from timed order by provider_id, id
    returning id, provider_id, domain_id, due_at
)` + sqlLaunchQueue + sqlLaunchCounts + `
union all
select 'later', '', extract(epoch from due_at)::bigint, 0, false, count(*) from timed where slice = 0 and due_at > $1 group by 3`

	sqlLaunchQueue = `, waits as (
    insert into mail_queue (campaign_id, provider_id, deferred, due_at, delivery_id, ledger_id, domain_id)
    select $2, coalesce(provider_id, 0), false, due_at, id, $11, domain_id from entered
)`

	// Those who will receive by provider and domain, and whether they wait for a
	// slice; the others by fate.
	sqlLaunchCounts = `
select fate, case when fate in ('undeliverable', 'held') then why else '' end,
       case when fate = 'will_receive' then coalesce(provider_id, 0) else 0 end,
       case when fate = 'will_receive' then domain_id else 0 end, slice <> 0, count(*)
  from judged group by 1, 2, 3, 4, 5`

	sqlLaunchProgress = `
update campaigns set launch_cursor = $2, launch_done = $3, audience = $4, updated_at = $5 where id = $1`
)

// OpenLedger gives a campaign that was launched its ledger, unless it has one.
func (s *Store) OpenLedger(ctx context.Context, id int64, now time.Time) error {
	var size int64
	if err := s.pool.QueryRow(ctx, sqlCampaignSize, id, ownLedger).Scan(&size); err != nil {
		return fmt.Errorf("size of campaign %d: %w", id, err)
	}
	ledger, err := s.ledger(ctx, size >= ownLedger, now)
	if err != nil {
		return fmt.Errorf("ledger of campaign %d: %w", id, err)
	}
	if _, err := s.pool.Exec(ctx, sqlSetLedger, id, ledger); err != nil {
		return fmt.Errorf("ledger of campaign %d: %w", id, err)
	}
	return nil
}

// ledger returns a ledger whose partition is attached: a new one, or this
// month's.
func (s *Store) ledger(ctx context.Context, own bool, now time.Time) (int32, error) {
	var id int32
	if own {
		if err := s.pool.QueryRow(ctx, sqlNewLedger, now).Scan(&id); err != nil {
			return 0, err
		}
	} else {
		if _, err := s.pool.Exec(ctx, sqlMonthLedger, now); err != nil {
			return 0, err
		}
		if err := s.pool.QueryRow(ctx, sqlMonthLedgerID, now).Scan(&id); err != nil {
			return 0, err
		}
	}
	return id, s.attachLedger(ctx, id)
}

// ledgerTable names the partition of a ledger. What runs once a message names it, and
// not the whole table: that would be made ready for all ledgers there are, each time.
func ledgerTable(id int32) string { return fmt.Sprintf("deliveries_%d", id) }

func (s *Store) attachLedger(ctx context.Context, id int32) error {
	const attachLock = 0x6c6564676572 // "ledger": one attaches at a time
	return s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(attachLock)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf(sqlLedgerTable, id)); err != nil {
			return err
		}
		var attached bool
		err := tx.QueryRow(ctx, sqlLedgerAttached, ledgerTable(id)).Scan(&attached)
		if err != nil || attached {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(sqlLedgerAttach, id))
		return err
	})
}

const sqlSystemDelivery = `
with inserted as (
    insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, due_at, updated_at)
    select $1, $2, c.id, c.domain_id, $4, $4 from contacts c where c.id = $3
    on conflict (ledger_id, campaign_id, contact_id) do nothing
    returning id, domain_id
), waits as (
    insert into mail_queue (campaign_id, provider_id, deferred, due_at, delivery_id, ledger_id, domain_id)
    select $2, 0, false, $4, id, $1, domain_id from inserted
)
select domain_id from inserted`

const sqlLaunchSystem = `
update campaigns set state = 'sending', launched_at = $2, launch_done = true, ledger_id = $3, updated_at = $2
 where id = $1`

// SendSystem launches a system campaign to one contact: a test, a confirmation.
func (s *Store) SendSystem(ctx context.Context, id, contact int64, now time.Time) error {
	ledger, err := s.ledger(ctx, false, now)
	if err != nil {
		return fmt.Errorf("send system campaign %d: %w", id, err)
	}
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLaunchSystem, id, now, ledger); err != nil {
			return err
		}
		var domain int64
		if err := tx.QueryRow(ctx, sqlSystemDelivery, ledger, id, contact, now).Scan(&domain); err != nil {
			return err
		}
		sums := newChanges()
		sums.enter(id, 0, domain, 1)
		if err := sums.applyEntered(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlNotify, "campaign")
		return err
	})
	if err != nil {
		return fmt.Errorf("send system campaign %d: %w", id, err)
	}
	return nil
}
