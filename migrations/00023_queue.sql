-- +goose Up

-- What waits to be sent: one row for each delivery that is queued or deferred and
-- that nobody has in hand. Rows come with the launch, with each attempt that is to
-- be made again, and when a claim gives mail back; a claim takes them out. So the
-- ledger itself is written once a message, with its outcome.
create table mail_queue (
    campaign_id      bigint not null,
    provider_id      bigint not null, -- 0: not known yet
    deferred         boolean not null,
    due_at           timestamptz not null,
    delivery_id      bigint not null,
    ledger_id        int not null,
    domain_id        bigint not null,
    first_attempt_at timestamptz
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- What lanes have in hand, a claim each. One that is lengthened has several rows.
create table claims (
    epoch      bigint not null,
    place      int not null,        -- how many deliveries come before those of this row
    node_id    bigint not null references nodes,
    ledger_id  int not null,
    deliveries bigint[] not null,   -- in the order in which they are sent
    attempts   smallint[] not null, -- of each, before
    primary key (epoch, place)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index claims_node on claims (node_id);

insert into mail_queue
select campaign_id, coalesce(provider_id, 0), state = 'deferred', due_at, id, ledger_id, domain_id, first_attempt_at
  from deliveries where state in ('queued', 'deferred') and lease_node is null;
insert into claims
select lease_epoch, min(lease_order), lease_node, ledger_id, array_agg(id order by lease_order), array_agg(attempts order by lease_order)
  from deliveries where lease_node in (select id from nodes) group by lease_epoch, lease_node, ledger_id;

-- What a lane claims: deferred mail before queued mail, each as it falls due.
create unique index mail_queue_due on mail_queue (campaign_id, provider_id, deferred, due_at, delivery_id);
-- What lifetime ends, oldest first.
create index mail_queue_ageing on mail_queue (campaign_id, first_attempt_at) where deferred;

-- No index of the ledger looks at what an acceptance changes, so that its row is
-- changed in place.
drop index deliveries_due, deliveries_leased, deliveries_ageing, deliveries_failed;
alter table deliveries drop column lease_node, drop column lease_epoch, drop column lease_order,
    add column failed delivery_state generated always as (
        case when state in ('bounced', 'expired', 'suppressed', 'cancelled', 'in_doubt') then state end) stored;
create index deliveries_failed on deliveries (campaign_id, failed, contact_id) where failed is not null;
-- Ledgers that are there already: what comes into them from now on.
-- +goose StatementBegin
do $$
declare ledger regclass;
begin
    for ledger in select inhrelid::regclass from pg_inherits where inhparent = 'deliveries'::regclass loop
        execute format('alter table %s set (fillfactor = 60)', ledger);
    end loop;
end $$;
-- +goose StatementEnd

-- One check instead of nine: Postgres reads the text of each whenever counters change.
alter table campaign_providers
    drop constraint campaign_providers_queued_check,
    drop constraint campaign_providers_deferred_check,
    drop constraint campaign_providers_delivered_check,
    drop constraint campaign_providers_bounced_check,
    drop constraint campaign_providers_expired_check,
    drop constraint campaign_providers_suppressed_check,
    drop constraint campaign_providers_cancelled_check,
    drop constraint campaign_providers_in_doubt_check,
    drop constraint campaign_providers_check,
    add constraint campaign_providers_add_up check (
        targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt
        and least(queued, deferred, delivered, bounced, expired, suppressed, cancelled, in_doubt) >= 0);
alter table campaign_domains
    drop constraint campaign_domains_queued_check,
    drop constraint campaign_domains_deferred_check,
    drop constraint campaign_domains_delivered_check,
    drop constraint campaign_domains_bounced_check,
    drop constraint campaign_domains_expired_check,
    drop constraint campaign_domains_suppressed_check,
    drop constraint campaign_domains_cancelled_check,
    drop constraint campaign_domains_in_doubt_check,
    drop constraint campaign_domains_check,
    add constraint campaign_domains_add_up check (
        targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt
        and least(queued, deferred, delivered, bounced, expired, suppressed, cancelled, in_doubt) >= 0);

-- +goose Down
drop index deliveries_failed;
alter table deliveries drop column failed, add column lease_node bigint, add column lease_epoch bigint, add column lease_order int;
create index deliveries_due on deliveries (campaign_id, provider_id, state, due_at, id)
    where lease_node is null and state in ('queued', 'deferred');
create index deliveries_leased on deliveries (lease_node) where lease_node is not null;
create index deliveries_ageing on deliveries (campaign_id, first_attempt_at)
    where lease_node is null and state = 'deferred';
create index deliveries_failed on deliveries (campaign_id, state, contact_id)
    where state in ('bounced', 'expired', 'suppressed', 'cancelled', 'in_doubt');
drop table claims, mail_queue;
alter table campaign_providers drop constraint campaign_providers_add_up,
    add check (queued >= 0),
    add check (deferred >= 0),
    add check (delivered >= 0),
    add check (bounced >= 0),
    add check (expired >= 0),
    add check (suppressed >= 0),
    add check (cancelled >= 0),
    add check (in_doubt >= 0),
    add check (targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt);
alter table campaign_domains drop constraint campaign_domains_add_up,
    add check (queued >= 0),
    add check (deferred >= 0),
    add check (delivered >= 0),
    add check (bounced >= 0),
    add check (expired >= 0),
    add check (suppressed >= 0),
    add check (cancelled >= 0),
    add check (in_doubt >= 0),
    add check (targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt);
