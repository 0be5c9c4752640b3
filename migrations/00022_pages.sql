-- +goose Up

-- The last hour of all providers at once, without the years before it. A row is
-- made once a minute and provider, and counting in it leaves the minute as it is.
create index provider_minutes_minute on provider_minutes (minute);

-- What changed while a campaign was sent, years later.
create index pace_events_at on pace_events (provider_id, at);

-- The few rows of a report's "bounced", "expired" and so on, and what "Retry
-- failed" counts. A message that is accepted never enters it.
create index deliveries_failed on deliveries (campaign_id, state, contact_id)
    where state in ('bounced', 'expired', 'suppressed', 'cancelled', 'in_doubt');

-- +goose Down
drop index deliveries_failed;
drop index pace_events_at;
drop index provider_minutes_minute;
