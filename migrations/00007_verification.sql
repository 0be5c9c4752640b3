-- +goose Up

-- How often a list is verified again, and what is done with its contacts whose
-- verdict leaves a choice.
alter table lists
    add column verify_days    int not null default 30 check (verify_days >= 0), -- 0: never by itself
    add column verified_at    timestamptz,
    add column send_risky     boolean not null default false, -- mail risky contacts instead of holding them
    add column trust_unproven boolean not null default false; -- there is proof of consent: no probation

-- What the looks at a domain found, beyond who takes its mail.
alter table domains
    add column reach       text not null default '' check (reach in ('', 'public', 'unroutable', 'missing', 'temporary')),
    add column gone_since  timestamptz,            -- first of a row of looks that found nothing
    add column gone_looks  int not null default 0, -- their number
    add column verified_at timestamptz,
    add column verify_at   timestamptz;            -- when to look again
create index domains_gone on domains (verify_at) where gone_since is not null;

-- Of a contact of whom nothing is known, that is what is known.
alter table contacts
    alter column reasons set default '{no_history}',
    add column suggestion text,  -- the address that was probably meant
    add column evidence   jsonb; -- what the verdict rests on; null where the domain's row says it
create index contacts_mendable on contacts (id) where suggestion is not null;
update contacts set reasons = '{no_history}' where verdict = 'unproven' and reasons = '{}';

-- One pass over the contacts of a list, of an import, or (both null) of domains
-- that were missing and are due for another look.
create table verifications (
    id             bigint generated always as identity primary key,
    list_id        bigint references lists on delete cascade,
    import_id      bigint references imports on delete cascade,
    state          text not null default 'waiting' check (state in ('waiting', 'domains', 'contacts', 'done')),
    domains_total  bigint not null default 0, -- to be looked up
    domains_done   bigint not null default 0,
    contacts_total bigint not null default 0,
    cursor         bigint not null default 0, -- last contact judged
    counts         jsonb not null default '{}',
    created_at     timestamptz not null,
    finished_at    timestamptz
);
create unique index verifications_import on verifications (import_id) where import_id is not null;
create unique index verifications_open on verifications (coalesce(list_id, 0)) where state <> 'done' and import_id is null;
create index verifications_list on verifications (list_id, id);

-- The domains of a pass that are to be looked up.
create table verification_domains (
    verification_id bigint not null references verifications on delete cascade,
    domain_id       bigint not null references domains,
    primary key (verification_id, domain_id)
);

-- Public lists, each swapped as a whole.
create table risk_lists (
    kind      text primary key check (kind in ('disposable', 'free', 'role')),
    version   bigint not null default 1,
    source    text not null,
    sha256    bytea not null,
    entries   int not null,
    body      text not null,
    loaded_at timestamptz not null
);

-- How the people of an import agreed. An import without it, and members without
-- a consent of their own, are sent in probation.
alter table imports add column if not exists consent text not null default '';
alter table list_members add column if not exists consent jsonb;
alter table imports
    add column stopped_at  timestamptz, -- its contacts went badly in probation
    add column stopped_why text not null default '';

-- The import files whose unproven contacts a campaign tries in slices. A delivery
-- that waits for its slice has slice = -number.
create table probation_sources (
    campaign_id bigint not null references campaigns on delete cascade,
    number      smallint not null,
    import_id   bigint not null references imports on delete cascade,
    state       text not null default 'trying' check (state in ('trying', 'passed', 'stopped')),
    primary key (campaign_id, number),
    unique (campaign_id, import_id)
);
create index probation_sources_import on probation_sources (import_id);

create table probation_slices (
    campaign_id bigint not null references campaigns on delete cascade,
    slice       smallint not null, -- as in deliveries
    source      smallint not null,
    ordinal     int not null,      -- which slice of its file, from 1
    opened_at   timestamptz not null,
    size        bigint not null,
    waiting     bigint not null,
    deferred    bigint not null default 0,
    delivered   bigint not null default 0,
    bounced     bigint not null default 0, -- hard
    complained  bigint not null default 0,
    course      text not null default 'wait' check (course in ('wait', 'next', 'warn', 'stop')),
    words       text not null default '',
    primary key (campaign_id, slice)
);
create index deliveries_slice on deliveries (campaign_id, slice) where slice <> 0;

-- +goose Down
drop index deliveries_slice;
drop table probation_slices, probation_sources, risk_lists, verification_domains, verifications;
alter table imports drop column stopped_at, drop column stopped_why;
drop index contacts_mendable;
alter table contacts alter column reasons set default '{}', drop column suggestion, drop column evidence;
drop index domains_gone;
alter table domains drop column reach, drop column gone_since, drop column gone_looks, drop column verified_at, drop column verify_at;
alter table lists drop column verify_days, drop column verified_at, drop column send_risky, drop column trust_unproven;
