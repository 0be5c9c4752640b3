-- +goose Up

-- A saved filter of contacts; rule is listhygiene/segment.Segment.
create table segments (
    id         bigint generated always as identity primary key,
    name       text not null unique check (name <> ''),
    rule       jsonb not null,
    counted    bigint,       -- how many contacts it held
    counted_at timestamptz,  -- then
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table campaign_segments (
    campaign_id bigint not null references campaigns on delete cascade,
    segment_id  bigint not null references segments,
    exclude     boolean not null default false,
    rule        jsonb, -- as it was at launch; null before
    primary key (campaign_id, segment_id)
);
create index campaign_segments_segment on campaign_segments (segment_id);

-- An upload whose columns nobody has confirmed yet.
alter table imports
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('draft', 'waiting', 'staging', 'merging', 'done', 'failed', 'checked', 'undoing', 'undone'));

-- Beginnings of addresses and domains are searched for. Where text is sorted by
-- code point the unique indexes serve that already.
-- +goose StatementBegin
do $$ begin
    if (select datcollate not in ('C', 'POSIX') from pg_database where datname = current_database()) then
        create index contacts_prefix on contacts (address_key text_pattern_ops);
        create index suppressions_prefix on suppressions (key text_pattern_ops);
    end if;
end $$;
-- +goose StatementEnd

-- +goose Down
drop index if exists contacts_prefix, suppressions_prefix;
delete from imports where state = 'draft';
alter table imports
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('waiting', 'staging', 'merging', 'done', 'failed', 'checked', 'undoing', 'undone'));
drop table campaign_segments, segments;
