-- +goose Up

-- Segments that come with the program: listhygiene/segment.BuiltIns, which a test
-- compares with these. A segment of somebody's own with such a name stays as it is.
alter table segments add column built_in text not null default '';
create unique index segments_built_in on segments (built_in) where built_in <> '';

insert into segments (name, built_in, rule, created_at, updated_at) values
('Active in the last 90 days', 'active-90', '{"match": "any", "conditions": [
    {"subject": "clicked", "op": "within", "value": "90"},
    {"subject": "opened", "op": "within", "value": "90"}]}', now(), now()),
('Quiet for 180 days', 'quiet-180', '{"match": "all", "conditions": [
    {"subject": "known", "op": "not_within", "value": "180"},
    {"subject": "delivered", "op": "within", "value": "180"},
    {"subject": "clicked", "op": "not_within", "value": "180"},
    {"subject": "opened", "op": "not_within", "value": "180"}]}', now(), now()),
('Quiet for 270 days', 'quiet-270', '{"match": "all", "conditions": [
    {"subject": "known", "op": "not_within", "value": "270"},
    {"subject": "delivered", "op": "within", "value": "270"},
    {"subject": "clicked", "op": "not_within", "value": "270"},
    {"subject": "opened", "op": "not_within", "value": "270"}]}', now(), now())
on conflict (name) do nothing;

-- What was said around the newest attempt of a message of our own, such as a
-- test: for people to read. They go after a month.
create table conversations (
    campaign_id bigint primary key references campaigns on delete cascade,
    at          timestamptz not null,
    words       text not null, -- line by line: C: what we said, S: what the server did
    signature   text not null  -- what our own verification says of its DKIM signatures
);
create index conversations_at on conversations (at);

-- +goose Down
drop table conversations;
-- Those that a campaign names stay, as segments like any other.
delete from segments s where built_in <> '' and not exists (select from campaign_segments c where c.segment_id = s.id);
drop index segments_built_in;
alter table segments drop column built_in;
