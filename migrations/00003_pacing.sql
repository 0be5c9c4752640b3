-- +goose Up

-- One running `headway serve`. A node whose beat stands still is dead.
create table nodes (
    id         bigint generated always as identity primary key,
    host       text not null,
    roles      text[] not null,
    beat       bigint not null default 0,
    started_at timestamptz not null,
    beat_at    timestamptz not null
);

-- A local address and HELO name that we send from.
create table sources (
    id        bigint generated always as identity primary key,
    address   text not null unique,
    helo_name text not null
);

-- How fast a source may send to a provider, and why. One row, shared by all
-- nodes; the columns beside state change every round, state only when something
-- was learned.
create table paces (
    source_id   bigint not null references sources,
    provider_id bigint not null references providers,
    version     bigint not null default 1,
    state       jsonb not null,
    updated_at  timestamptz not null,
    primary key (source_id, provider_id)
) with (fillfactor = 70);

create table pace_events (
    id          bigint generated always as identity primary key,
    at          timestamptz not null,
    source_id   bigint not null,
    provider_id bigint not null,
    kind        text not null,
    was         double precision not null,
    now         double precision not null,
    reason      text not null,
    reply       text not null,
    until       timestamptz
);
create index pace_events_provider on pace_events (provider_id, id);

-- +goose Down
drop table pace_events, paces, sources, nodes;
