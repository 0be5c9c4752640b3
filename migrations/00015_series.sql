-- +goose Up

-- A draft is written by several people, and saved while they write: revision
-- rises with every change of its name or content, so that nobody overwrites
-- unseen what somebody else has saved.
alter table campaigns
    add column revision      bigint not null default 1,
    add column edited_at     timestamptz,
    add column edited_by     text not null default '',
    add column series_of     bigint references campaigns on delete set null, -- the campaign that this one is a run of
    add column series_number int;                                            -- which: 1 for the first

create unique index campaigns_series on campaigns (series_of, series_number) where series_of is not null;

-- A campaign that repeats: each run is a campaign of its own, copied from this
-- one at its time. The campaign is scheduled while the series runs, with its
-- next run as its time, and a draft while it is paused.
create table series (
    campaign_id bigint primary key references campaigns on delete cascade,
    rule        text not null check (rule <> ''), -- RFC 5545, without "RRULE:"
    starts_at   timestamptz not null,             -- gives the time of day, and counts as the rule's start
    time_zone   text not null,
    ended_at    timestamptz
);

-- +goose Down
drop table series;
drop index campaigns_series;
alter table campaigns
    drop column revision, drop column edited_at, drop column edited_by, drop column series_of, drop column series_number;
