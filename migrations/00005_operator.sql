-- +goose Up

-- What people changed by hand, and programs in their name. A row is never
-- changed or removed.
create table audit_log (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    actor   text not null, -- who: an account, a person's login, a token's name
    door    text not null check (door in ('pages', 'command line', 'API')),
    action  text not null, -- what: 'provider.hold', 'token.create', …
    subject text not null, -- on what: 'provider google', 'campaign 12', …
    note    text not null default '',
    detail  jsonb not null default '{}'
);
create index audit_log_subject on audit_log (subject, id);

-- Keys of the API. The token itself is shown once and stored nowhere.
create table api_tokens (
    id           bigint generated always as identity primary key,
    name         text not null check (name <> ''),
    scope        text not null check (scope in ('read', 'operate')),
    hash         bytea not null unique, -- SHA-256: tokens are random, not chosen
    hint         text not null,         -- its last characters, to tell it from others
    created_at   timestamptz not null,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
create unique index api_tokens_name on api_tokens (name) where revoked_at is null;

-- Answers to calls with an Idempotency-Key, kept for a day: the same call made
-- again gets the same answer. status is null while the first call is at work.
create table api_requests (
    token_id   bigint not null references api_tokens on delete cascade,
    key        text not null,
    request    bytea not null, -- SHA-256 of method, path and body
    at         timestamptz not null,
    status     smallint,
    answer     bytea,
    primary key (token_id, key)
);
create index api_requests_age on api_requests (at);

-- +goose Down
drop table api_requests, api_tokens, audit_log;
