package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// A ledger is filled before it has indexes: attaching it makes those of
	// deliveries, whichever they are.
	sqlBenchLedgerTable = `create table deliveries_%[1]d (like deliveries including defaults including constraints including storage including generated) with (fillfactor = 60)`

	// Recipients of a campaign are spread evenly over the contacts, in order, as a
	// launch finds them. A campaign under way has tried a part of them.
	sqlBenchDeliveries = `
insert into deliveries_%[1]d (ledger_id, id, campaign_id, contact_id, domain_id, provider_id, state, attempts, code, tls, doubted, due_at, first_attempt_at,
                              updated_at, enhanced, class, reply)
select k.ledger_id, nextval('delivery_ids'), k.id, c.id, c.domain_id, d.provider_id, s.state, t.attempts, o.code, t.attempts > 0, s.state = 'in_doubt',
       case when s.state = 'deferred' then $2::timestamptz + h %% 3600 * interval '1 second' else k.launched_at end,
       case when t.attempts > 0 then t.first end, t.last, o.enhanced, o.class, o.reply
  from (select id, ledger_id, state, launched_at, (audience ->> 'will_receive')::bigint as size from campaigns where ledger_id = %[1]d offset 0) k
 cross join lateral generate_series(0, k.size - 1) i
  join contacts c on c.id = 1 + i * $1::bigint / k.size + k.id * 7919 %% greatest(1, $1::bigint / k.size)
  join domains d on d.id = c.domain_id
 cross join lateral (select hashint8extended(c.id * 8192 + k.id %% 8192, 6) & 1048575 as h offset 0) r
 cross join lateral (select case
       when i * 1000 / k.size >= case k.state when 'sending' then 620 when 'paused' then 350 when 'cancelled' then 420 else 1000 end
           then case when k.state = 'cancelled' then 'cancelled' else 'queued' end
       when d.provider_id is null or h %% 10000 < 150 then 'bounced'
       when h %% 10000 < 180 then case when k.state in ('sending', 'paused') then 'deferred' else 'expired' end
       when h %% 10000 < 200 then 'suppressed'
       when h %% 10000 < 202 then 'in_doubt'
       when h %% 10000 < 600 and k.state in ('sending', 'paused') then 'deferred'
       else 'delivered' end::delivery_state as state offset 0) s
 cross join lateral (select attempts, first, case when attempts = 0 then k.launched_at else first + (attempts - 1) * interval '2 minutes' + interval '2 seconds' end as last
       from (select case when s.state in ('queued', 'cancelled', 'suppressed') then 0 when s.state = 'expired' then 8 when s.state = 'deferred' then 1 + h %% 3
                         when s.state = 'delivered' and h / 10000 %% 100 < 7 then 2 else 1 end::smallint as attempts,
                    k.launched_at + i * interval '10 milliseconds' as first offset 0) f offset 0) t
  left join lateral (values
       ('delivered'::delivery_state, 250::smallint, '2.0.0', '', '250 2.0.0 Ok: queued as 4bQ7xw' || h),
       ('bounced', 550, '5.1.1', 'bad_mailbox', '550 5.1.1 <' || c.address || '>: no such user here'),
       ('expired', 452, '4.2.2', 'mailbox_full', '452 4.2.2 the mailbox is over its quota'),
       ('deferred', 421, '4.7.0', 'rate', '421 4.7.0 too many messages from your address, try again later'),
       ('in_doubt', 0, '', 'network', 'the connection was lost after the message')) o (state, code, enhanced, class, reply) on o.state = s.state`

	sqlBenchQueue = `
insert into mail_queue
select ` + sqlQueueColumns + `
  from deliveries d where d.ledger_id = $1 and d.state in ('queued', 'deferred') order by d.id`

	sqlBenchProviderCounters = `
insert into campaign_providers (campaign_id, provider_id, targeted, queued, deferred, delivered, accepted_first, bounced, expired, suppressed, cancelled, in_doubt)
select campaign_id, coalesce(provider_id, 0), count(*), count(*) filter (where state = 'queued'), count(*) filter (where state = 'deferred'),
       count(*) filter (where state = 'delivered'), count(*) filter (where state = 'delivered' and attempts = 1), count(*) filter (where state = 'bounced'),
       count(*) filter (where state = 'expired'), count(*) filter (where state = 'suppressed'), count(*) filter (where state = 'cancelled'),
       count(*) filter (where state = 'in_doubt')
  from deliveries where ledger_id = $1 group by 1, 2 order by 1, 2`

	sqlBenchDomainCounters = `
insert into campaign_domains (campaign_id, domain_id, targeted, queued, deferred, delivered, accepted_first, bounced, expired, suppressed, cancelled, in_doubt)
select campaign_id, domain_id, count(*), count(*) filter (where state = 'queued'), count(*) filter (where state = 'deferred'),
       count(*) filter (where state = 'delivered'), count(*) filter (where state = 'delivered' and attempts = 1), count(*) filter (where state = 'bounced'),
       count(*) filter (where state = 'expired'), count(*) filter (where state = 'suppressed'), count(*) filter (where state = 'cancelled'),
       count(*) filter (where state = 'in_doubt')
  from deliveries where ledger_id = $1 group by 1, 2 order by 1, 2`
)

// fillLedgers makes the deliveries of each ledger, and counts them.
func fillLedgers(ctx context.Context, f *benchFilling) error {
	return f.eachLedger(ctx, func(name string, ledger int32) []benchStatement {
		return []benchStatement{
			{sql: fmt.Sprintf(sqlBenchLedgerTable, ledger)},
			{name + "deliveries", fmt.Sprintf(sqlBenchDeliveries, ledger), []any{f.Contacts, f.Now}},
			{name + "indexes", fmt.Sprintf(sqlLedgerAttach, ledger), nil},
			{name + "queue", sqlBenchQueue, []any{ledger}},
			{name + "counters by provider", sqlBenchProviderCounters, []any{ledger}},
			{name + "counters by domain", sqlBenchDomainCounters, []any{ledger}},
		}
	})
}

// eachLedger carries out what is to be done with every ledger.
func (f *benchFilling) eachLedger(ctx context.Context, steps func(name string, ledger int32) []benchStatement) error {
	rows, err := f.conn.Query(ctx, sqlBenchLedgers)
	if err != nil {
		return err
	}
	ledgers, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return err
	}
	for _, ledger := range ledgers {
		if err := f.do(ctx, steps(fmt.Sprintf("ledger %d of %d: ", ledger, len(ledgers)), ledger)...); err != nil {
			return err
		}
	}
	return nil
}
