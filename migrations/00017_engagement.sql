-- +goose Up

-- What readers see as the name of a list; empty: the name itself.
alter table lists add column public_name text not null default '';
create index campaign_lists_list on campaign_lists (list_id);

-- Where the counted links of a campaign lead, by the number that a link carries.
-- A row never changes: a message that was sent years ago still leads there.
create table campaign_links (
    campaign_id bigint not null,
    number      int not null check (number > 0),
    url         text not null,
    primary key (campaign_id, number)
);

-- What a reader did with a message: opened it, or used one of its links (link 0
-- stands for any of them). What programs do in a reader's name has rows of its
-- own. Rows are found again and raised, so that a flood does not make many.
create table engagements (
    campaign_id bigint not null,
    contact_id  bigint not null,
    kind        text not null check (kind in ('open', 'click')),
    link        int not null default 0,
    machine     boolean not null,
    times       bigint not null check (times > 0),
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    rule        text not null default '', -- what told that it was a machine, the last time
    primary key (campaign_id, contact_id, kind, link, machine)
) with (fillfactor = 90);
create index engagements_contact on engagements (contact_id);

-- Sums of the above, changed in the same transaction.
create table campaign_engagement (
    campaign_id bigint not null,
    kind        text not null,
    link        int not null default 0,
    machine     boolean not null,
    readers     bigint not null check (readers >= 0), -- different ones
    times       bigint not null check (times >= 0),
    primary key (campaign_id, kind, link, machine)
) with (fillfactor = 70);

-- +goose Down
drop index campaign_lists_list;
drop table campaign_engagement, engagements, campaign_links;
alter table lists drop column public_name;
