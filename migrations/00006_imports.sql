-- +goose Up

-- A dry run makes no list, so an import knows its list by name until it begins.
alter table imports
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('waiting', 'staging', 'merging', 'done', 'failed', 'checked', 'undoing', 'undone')),
    alter column list_id drop not null,
    add column list_name     text not null default '',
    add column dry_run       boolean not null default false, -- read, judge and count; change nothing
    add column consent       text not null default '',       -- how these people agreed, as the operator stated it
    add column cursor_offset bigint not null default 0,      -- byte of the row that the cursor points to
    add column read_bytes    bigint not null default 0,      -- of the upload, for the progress bar
    add column merged_key    text not null default '';       -- last address merged; empty again at the end
update imports i set list_name = l.name from lists l where l.id = i.list_id;
update imports set plan = jsonb_build_object('options', plan -> 'options', 'files', jsonb_build_array(
           jsonb_build_object('name', file_name, 'format', plan -> 'format', 'mapping', plan -> 'mapping')))
 where plan ? 'mapping';
update imports set state = 'waiting' where state in ('staging', 'merging');

-- Three checks for each row were half of the time of an import. Domains are never
-- deleted; contacts and lists only by statements that first make sure of their
-- memberships, and that wait for merges.
alter table contacts drop constraint contacts_domain_id_fkey;
alter table list_members drop constraint list_members_list_id_fkey, drop constraint list_members_contact_id_fkey;

-- What an import being worked has staged: one table import_rows_<id> like this
-- one, dropped at the end. Unlogged: a crash of Postgres empties it, and the
-- import then misses the sentinel (the row without an address) and stages its
-- file again. Columns that repeat the key are null.
drop table import_rows;
create unlogged table import_rows (
    line          bigint not null, -- number of the file in the upload × 2^40 + line in that file
    address_key   text not null,
    address       text,
    canonical_key text,
    domain        text not null,
    fields        jsonb not null,
    status        text not null,
    consent       jsonb
);

-- What each step of a merge did, so that it can be undone: ids of contacts.
create table import_steps (
    import_id bigint not null references imports on delete cascade,
    seq       int not null,
    at        timestamptz not null,
    made      bigint[] not null,  -- contacts that it made
    found     bigint[] not null,  -- contacts that were there already
    joined    bigint[] not null,  -- memberships that it made
    changed   bigint[] not null,  -- contacts whose fields it changed,
    previous  jsonb[] not null,   -- and what these were before
    least     bigint,             -- smallest and largest id of found
    greatest  bigint,
    primary key (import_id, seq)
);

-- Ids do not compress: trying costs more than the space.
alter table import_steps alter column made set storage external, alter column found set storage external,
                         alter column joined set storage external;

alter table list_members add column consent jsonb; -- when, where and how they agreed

-- Keyed hashes of the addresses of people who asked to be forgotten.
create table erasures (
    hash       bytea primary key,
    at         timestamptz not null
);

-- Suppressions that a person lifted, and why.
create table suppression_lifts (
    id         bigint generated always as identity primary key,
    lifted_at  timestamptz not null,
    lifted_by  text not null,
    note       text not null check (note <> ''),
    key        text not null,
    kind       text not null,
    reason     text not null,
    list_id    bigint references lists on delete cascade,
    created_at timestamptz not null,
    evidence   jsonb not null
);
create index suppression_lifts_key on suppression_lifts (key);

-- +goose Down
drop table suppression_lifts, erasures, import_steps;
alter table list_members drop column consent,
    add constraint list_members_list_id_fkey foreign key (list_id) references lists,
    add constraint list_members_contact_id_fkey foreign key (contact_id) references contacts;
alter table contacts add constraint contacts_domain_id_fkey foreign key (domain_id) references domains;
drop table import_rows;
create unlogged table import_rows (
    import_id     bigint not null,
    line          bigint not null,
    address       text not null,
    address_key   text not null,
    canonical_key text not null,
    domain        text not null,
    fields        jsonb not null,
    status        text not null,
    primary key (import_id, line)
);
create index import_rows_key on import_rows (import_id, address_key, line);
delete from imports where list_id is null;
update imports set state = 'done' where state in ('checked', 'undoing', 'undone');
alter table imports
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('waiting', 'staging', 'merging', 'done', 'failed')),
    alter column list_id set not null,
    drop column list_name, drop column dry_run, drop column consent, drop column cursor_offset,
    drop column read_bytes, drop column merged_key;
