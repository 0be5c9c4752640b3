-- +goose Up

-- What soft refusals of one class have added up to since the last accepted
-- delivery, each counted once a campaign.
create table soft_bounces (
    kind          text not null check (kind in ('contact', 'domain')),
    subject_id    bigint not null,
    class         text not null,
    sum           real not null,
    first_at      timestamptz not null,
    last_at       timestamptz not null,
    last_campaign bigint not null,
    primary key (kind, subject_id, class)
);

-- Suppressions that wait, because the provider refused everybody when they came:
-- a second refusal a day later confirms them, an accepted delivery drops them.
create table pending_suppressions (
    contact_id  bigint primary key references contacts on delete cascade,
    provider_id bigint not null,
    evidence    jsonb not null,
    since       timestamptz not null
);

-- Providers that refused everybody, and the campaign that noticed.
create table provider_breakers (
    provider_id bigint primary key references providers,
    campaign_id bigint not null,
    opened_at   timestamptz not null,
    words       text not null,
    told_at     timestamptz
);

-- The share of permanent refusals over the last 7 days, worked out once an hour.
create table provider_means (
    provider_id bigint primary key references providers,
    share       double precision not null,
    at          timestamptz not null
);

alter table provider_minutes add column bad_mailboxes bigint not null default 0;

-- Mails that came back, as they came. Kept until a job has read them, and some
-- days longer so that they can be read again by better rules.
create table inbound_mails (
    id            bigint generated always as identity primary key,
    at            timestamptz not null,
    purpose       text not null check (purpose in ('bounce', 'unsubscribe', 'role')),
    campaign_id   bigint not null,  -- 0: no token at RCPT
    contact_id    bigint not null,
    remote        text not null,
    helo          text not null,
    envelope_from text not null,
    size          bigint not null,
    raw           bytea,
    tries         int not null default 0,
    due_at        timestamptz not null,
    settled_at    timestamptz,
    kind          text,
    class         text,
    rule          text,
    words         text
);
alter table inbound_mails alter column raw set storage external;
create index inbound_mails_due on inbound_mails (due_at) where settled_at is null;
create index inbound_mails_at on inbound_mails (at);

-- Replies that no rule decided, found by their rule.
create index attempts_undecided on attempts (at) where rule in ('fallback', '') ;

-- +goose Down
drop index attempts_undecided;
drop table inbound_mails, provider_means, provider_breakers, pending_suppressions, soft_bounces;
alter table provider_minutes drop column bad_mailboxes;
