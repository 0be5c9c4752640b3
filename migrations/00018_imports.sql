-- +goose Up

-- Keys are compared byte by byte, whatever the language of the database: that
-- is several times as fast, and one index serves equality and beginnings alike.
drop index if exists contacts_prefix, suppressions_prefix;
alter table contacts
    alter column address_key type text collate "C",
    alter column canonical_key type text collate "C";
alter table suppressions
    alter column key type text collate "C",
    alter column canonical_key type text collate "C";
alter table domains
    alter column name type text collate "C";
alter table import_rows
    alter column address_key type text collate "C",
    alter column canonical_key type text collate "C",
    alter column domain type text collate "C";

-- Of most contacts both keys are the same; they are found by the unique one.
drop index contacts_canonical;
create index contacts_canonical on contacts (canonical_key) where canonical_key <> address_key;

-- Domains are noted while a file is read: one that is half read begins again.
update imports set state = 'waiting' where state = 'staging';

-- Import files that a campaign stopped because they bounced, though their
-- contacts went out without slices.
create table stopped_files (
    campaign_id bigint not null references campaigns on delete cascade,
    import_id   bigint not null references imports on delete cascade,
    stopped_at  timestamptz not null,
    tried       bigint not null,           -- until then: accepted, or refused for good
    bounced     bigint not null,           -- of these hard
    cursor      bigint not null default 0, -- last contact whose delivery was looked at to be cancelled
    swept       boolean not null default false,
    primary key (campaign_id, import_id)
);

-- +goose Down
drop table stopped_files;
drop index contacts_canonical;
create index contacts_canonical on contacts (canonical_key);
alter table import_rows
    alter column address_key type text collate "default",
    alter column canonical_key type text collate "default",
    alter column domain type text collate "default";
alter table domains
    alter column name type text collate "default";
alter table suppressions
    alter column key type text collate "default",
    alter column canonical_key type text collate "default";
alter table contacts
    alter column address_key type text collate "default",
    alter column canonical_key type text collate "default";
-- +goose StatementBegin
do $$ begin
    if (select datcollate not in ('C', 'POSIX') from pg_database where datname = current_database()) then
        create index contacts_prefix on contacts (address_key text_pattern_ops);
        create index suppressions_prefix on suppressions (key text_pattern_ops);
    end if;
end $$;
-- +goose StatementEnd
