-- +goose Up

-- A pace is kept for the source at each provider, and for a sending domain
-- where a provider limits that ('' is the source's own).
alter table paces add column sending_domain text not null default '';
alter table paces drop constraint paces_pkey;
alter table paces add primary key (source_id, provider_id, sending_domain);

-- What changes with every round. None of it is indexed, so that updates stay on
-- their page; state is kept outside of the row, which only points to it.
alter table paces
    add column slot           double precision,            -- the next permit, seconds since 1970; null: as the state says
    add column first_slot     double precision,            -- the same for first attempts where a provider greylists
    add column permit_version int not null default 0,      -- permits of an older one have lapsed
    add column shared         jsonb not null default '{}', -- acceptances since state was written; the nodes' lanes
    add column rate           double precision,            -- messages per second; null: no round yet
    add column mode           text not null default '',
    add column hold_until     timestamptz,
    add column lanes          int not null default 0,
    add column demand         int not null default 0;      -- messages that wait
alter table paces set (toast_tuple_target = 128);
alter table paces
    alter column state set storage external,
    alter column shared set storage plain,
    alter column sending_domain set storage plain;

-- A campaign that a provider takes for spam is held there; then one message tries.
create table campaign_holds (
    campaign_id bigint not null references campaigns on delete cascade,
    provider_id bigint not null references providers,
    since       timestamptz not null,
    until       timestamptz not null,
    reply       text not null,
    primary key (campaign_id, provider_id)
);

-- +goose Down
drop table campaign_holds;
delete from paces where sending_domain <> '';
alter table paces drop constraint paces_pkey;
alter table paces add primary key (source_id, provider_id);
alter table paces
    drop column sending_domain, drop column slot, drop column first_slot, drop column permit_version,
    drop column shared, drop column rate, drop column mode, drop column hold_until, drop column lanes,
    drop column demand;
alter table paces reset (toast_tuple_target);
alter table paces alter column state set storage extended;
