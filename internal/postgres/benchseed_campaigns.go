package postgres

import "context"

const (
	// One large campaign on its way; others of two years, the oldest first, most of
	// them finished. What was left out at each launch adds up.
	sqlBenchCampaigns = `
with planned as (
    select 'large' as kind, 1 as k, $1::bigint as size, $6::timestamptz - interval '3 hours' as launched
    union all
    select 'medium', k, $3::bigint, $6 - interval '2 hours' - interval '715 days' * ((k - 1)::float8 / $2::int) from generate_series(1, $2::int) k
    union all
    select 'small', k, $5::bigint, $6 - interval '1 hour' - interval '719 days' * ((k - 1)::float8 / $4::int) from generate_series(1, $4::int) k
)
insert into campaigns (name, state, content, settings, audience, time_zone, launched_at, finished_at, launch_cursor, launch_done, created_at, updated_at, edited_at, edited_by)
select title || ', ' || to_char(launched, 'FMDD Mon YYYY'), state::campaign_state, $7::jsonb || jsonb_build_object('subject', title || ' of ' || to_char(launched, 'FMMonth')), $8::jsonb,
       jsonb_build_object('in_lists', size + size / 20 + size / 30 + size / 50 + size / 60, 'excluded', 0, 'unsubscribed', size / 20, 'unconfirmed', size / 60,
                          'suppressed', size / 30, 'undeliverable', size / 50, 'held', 0, 'will_receive', size, 'probation', 0),
       'Europe/Berlin', launched, case when state in ('finished', 'cancelled') then launched + interval '50 minutes' end, $1, true,
       launched - interval '1 day', launched, launched - interval '1 day', 'Ann Weaver'
  from planned
 cross join lateral (select
       case when kind = 'large' then 'Terms of service, all countries' else (array['Weekly letter', 'Offers', 'Product news', 'What the leaves say', 'Events near you'])[1 + k % 5] end as title,
       case when kind = 'large' or (kind, k) in (('medium', 3), ('small', 1)) then 'sending' when (kind, k) = ('medium', 1) then 'paused'
            when (kind, k) = ('medium', 2) or kind = 'small' and k % 200 = 7 then 'cancelled' else 'finished' end as state) x
 order by launched`

	sqlBenchDrafts = `
insert into campaigns (name, state, content, settings, time_zone, scheduled_at, created_at, updated_at, edited_at, edited_by)
select case when n <= 20 then 'Draft ' else 'Letter to come ' end || n, case when n <= 20 then 'draft' else 'scheduled' end::campaign_state, $2::jsonb, $3::jsonb, 'Europe/Berlin',
       case when n > 20 then $1::timestamptz + n * interval '1 day' end, $1, $1, $1, 'Ann Weaver'
  from generate_series(1, 25) n`

	sqlBenchSeries = `
insert into series (campaign_id, rule, starts_at, time_zone)
select max(id), 'FREQ=WEEKLY', max(scheduled_at), 'Europe/Berlin' from campaigns where state = 'scheduled'`

	// Large campaigns go to everybody, others to one list in turn.
	sqlBenchCampaignLists = `
insert into campaign_lists (campaign_id, list_id)
select id, case when coalesce((audience ->> 'will_receive')::bigint, $1::bigint) >= $1 then 1 else 1 + id % 4 end from campaigns`

	sqlBenchCampaignLinks = `
insert into campaign_links (campaign_id, number, url)
select id, n, 'https://mill.test/' || (array['boxes', 'hours', 'news'])[n] from campaigns cross join generate_series(1, 3) n where launched_at is not null`

	sqlBenchEvents = `
insert into campaign_events (campaign_id, at, kind, words)
select id, launched_at, 'launched', 'Launched.' from campaigns where launched_at is not null
 union all
select id, launched_at + interval '7 minutes', 'warning', '5.2 % of the first 1,000 results were bounces. This campaign only warns.'
  from campaigns where launched_at is not null and id % 40 = 0
 union all
select id, finished_at, state::text, case state when 'cancelled' then 'Cancelled by Ann Weaver, pages.' else 'Every recipient is in a final state.' end
  from campaigns where finished_at is not null
 order by 2`

	// Small campaigns share their month's ledger; see sqlMonthLedger.
	sqlBenchMonths = `
insert into ledgers (month, created_at)
select distinct on (date_trunc('month', launched_at)) date_trunc('month', launched_at)::date, launched_at
  from campaigns where launched_at is not null and (audience ->> 'will_receive')::bigint < $1::bigint
 order by date_trunc('month', launched_at), launched_at`
	sqlBenchOwnLedgers = `
insert into ledgers (created_at)
select launched_at from campaigns where launched_at is not null and (audience ->> 'will_receive')::bigint >= $1::bigint`
	sqlBenchSetLedgers = `
update campaigns c set ledger_id = l.id
  from ledgers l
 where case when (c.audience ->> 'will_receive')::bigint < $1::bigint then l.month = date_trunc('month', c.launched_at)::date else l.month is null and l.created_at = c.launched_at end`

	sqlBenchAnalyzeCampaigns = `analyze campaigns, campaign_lists, campaign_links, campaign_events, ledgers`
)

// fillCampaigns makes campaigns in every state, without their recipients.
func fillCampaigns(ctx context.Context, f *benchFilling) error {
	return f.do(ctx,
		benchStatement{"campaigns", sqlBenchCampaigns, []any{f.Contacts, f.Medium, f.MediumSize, f.Small, f.SmallSize, f.Now, f.Content, f.Settings}},
		benchStatement{"drafts", sqlBenchDrafts, []any{f.Now, f.Content, f.Settings}},
		benchStatement{"a series", sqlBenchSeries, nil},
		benchStatement{"lists of campaigns", sqlBenchCampaignLists, []any{f.Contacts}},
		benchStatement{"links", sqlBenchCampaignLinks, nil},
		benchStatement{"events", sqlBenchEvents, nil},
		benchStatement{"ledgers of months", sqlBenchMonths, []any{ownLedger}},
		benchStatement{"ledgers of large campaigns", sqlBenchOwnLedgers, []any{ownLedger}},
		benchStatement{sql: sqlBenchSetLedgers, args: []any{ownLedger}},
		benchStatement{sql: sqlBenchAnalyzeCampaigns},
	)
}
