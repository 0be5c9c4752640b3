-- +goose Up

create type campaign_state as enum ('draft', 'scheduled', 'sending', 'paused', 'finished', 'cancelled');

create type delivery_state as enum
    ('queued', 'deferred', 'delivered', 'bounced', 'expired', 'suppressed', 'cancelled', 'in_doubt');

-- A ledger is one partition of deliveries: a large campaign has its own, small
-- ones share their month's.
create table ledgers (
    id         int generated always as identity primary key,
    month      date unique,
    created_at timestamptz not null
);

create table campaigns (
    id            bigint generated always as identity primary key,
    name          text not null check (name <> ''),
    state         campaign_state not null default 'draft',
    system        boolean not null default false,
    weight        int not null default 4 check (weight > 0),
    content       jsonb not null,
    settings      jsonb not null,
    audience      jsonb not null default '{}',  -- the waterfall, as figures, fixed at launch
    time_zone     text not null default 'UTC',
    scheduled_at  timestamptz,
    launched_at   timestamptz,
    finished_at   timestamptz,
    ledger_id     int references ledgers,
    launch_cursor bigint not null default 0,    -- last contact id that was looked at
    launch_done   boolean not null default false,
    created_at    timestamptz not null,
    updated_at    timestamptz not null
);
create index campaigns_live on campaigns (id) where state in ('sending', 'paused', 'cancelled');

create table campaign_lists (
    campaign_id bigint not null references campaigns on delete cascade,
    list_id     bigint not null references lists,
    exclude     boolean not null default false,
    primary key (campaign_id, list_id)
);

-- What happened to a campaign, in plain words, for its event feed.
create table campaign_events (
    id          bigint generated always as identity primary key,
    campaign_id bigint not null references campaigns on delete cascade,
    at          timestamptz not null,
    kind        text not null,
    words       text not null
);
create index campaign_events_campaign on campaign_events (campaign_id, id);

create sequence delivery_ids;

create table deliveries (
    ledger_id        int not null,
    id               bigint not null default nextval('delivery_ids'),
    campaign_id      bigint not null,
    contact_id       bigint not null,
    domain_id        bigint not null,
    provider_id      bigint,            -- null: not known yet
    lease_node       bigint,            -- who is about to send it
    lease_epoch      bigint,            -- which claim; outcomes are fenced by it
    lease_order      int,               -- its place in that claim
    state            delivery_state not null default 'queued',
    slice            smallint not null default 0,
    attempts         smallint not null default 0,
    code             smallint,
    tls              boolean,
    doubted          boolean not null default false, -- an attempt was in doubt: the message may have arrived
    due_at           timestamptz not null,
    first_attempt_at timestamptz,
    updated_at       timestamptz not null,
    enhanced         text,
    class            text,
    reply            text,
    primary key (ledger_id, id)
) partition by list (ledger_id);

create sequence lease_epochs;

create unique index deliveries_once on deliveries (ledger_id, campaign_id, contact_id);
-- What a lane claims: deferred mail before queued mail, each as it falls due.
create index deliveries_due on deliveries (campaign_id, provider_id, state, due_at, id)
    where lease_node is null and state in ('queued', 'deferred');
create index deliveries_leased on deliveries (lease_node) where lease_node is not null;
-- What lifetime ends, oldest first.
create index deliveries_ageing on deliveries (campaign_id, first_attempt_at)
    where lease_node is null and state = 'deferred';
create index deliveries_contact on deliveries (contact_id);

create table campaign_providers (
    campaign_id    bigint not null references campaigns on delete cascade,
    provider_id    bigint not null references providers,
    targeted       bigint not null default 0,
    queued         bigint not null default 0 check (queued >= 0),
    deferred       bigint not null default 0 check (deferred >= 0),
    delivered      bigint not null default 0 check (delivered >= 0),
    accepted_first bigint not null default 0,
    bounced        bigint not null default 0 check (bounced >= 0),
    expired        bigint not null default 0 check (expired >= 0),
    suppressed     bigint not null default 0 check (suppressed >= 0),
    cancelled      bigint not null default 0 check (cancelled >= 0),
    in_doubt       bigint not null default 0 check (in_doubt >= 0),
    primary key (campaign_id, provider_id),
    check (targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt)
) with (fillfactor = 70);

create table campaign_domains (
    campaign_id    bigint not null references campaigns on delete cascade,
    domain_id      bigint not null references domains,
    targeted       bigint not null default 0,
    queued         bigint not null default 0 check (queued >= 0),
    deferred       bigint not null default 0 check (deferred >= 0),
    delivered      bigint not null default 0 check (delivered >= 0),
    accepted_first bigint not null default 0,
    bounced        bigint not null default 0 check (bounced >= 0),
    expired        bigint not null default 0 check (expired >= 0),
    suppressed     bigint not null default 0 check (suppressed >= 0),
    cancelled      bigint not null default 0 check (cancelled >= 0),
    in_doubt       bigint not null default 0 check (in_doubt >= 0),
    primary key (campaign_id, domain_id),
    check (targeted = queued + deferred + delivered + bounced + expired + suppressed + cancelled + in_doubt)
) with (fillfactor = 70);

-- Every attempt that did not end in an acceptance, with the server's own words.
create table attempts (
    at          timestamptz not null,
    ledger_id   int not null,
    delivery_id bigint not null,
    campaign_id bigint not null,
    contact_id  bigint not null,
    provider_id bigint not null,
    node_id     bigint not null,
    outcome     text not null,
    host        text not null,
    phase       text not null,
    code        smallint not null,
    enhanced    text not null,
    class       text not null,
    bounce      text not null,
    rule        text not null,
    reply       text not null,
    took_ms     int not null
) partition by range (at);
create table attempts_other partition of attempts default;
create index attempts_delivery on attempts (delivery_id);
create index attempts_provider on attempts (provider_id, at);
create index attempts_campaign on attempts (campaign_id, at);

-- What happened at a provider, minute by minute.
create table provider_minutes (
    provider_id    bigint not null,
    minute         timestamptz not null,
    attempts       bigint not null default 0,
    accepted       bigint not null default 0,
    accepted_first bigint not null default 0,
    deferred       bigint not null default 0,
    throttled      bigint not null default 0, -- refusals with code 421
    bounced        bigint not null default 0,
    tls            bigint not null default 0,
    took_ms        bigint not null default 0, -- sum over accepted messages
    primary key (provider_id, minute)
) with (fillfactor = 70);

-- +goose Down
drop table provider_minutes, attempts, campaign_domains, campaign_providers, deliveries,
           campaign_events, campaign_lists, campaigns, ledgers;
drop sequence lease_epochs, delivery_ids;
drop type delivery_state, campaign_state;
