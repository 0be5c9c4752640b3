-- +goose Up

-- The last hour of all providers at once, without the years before it. A row is
-- made once a minute and provider, and counting in it leaves the minute as it is.
create index provider_minutes_minute on provider_minutes (minute);

-- +goose Down
drop index provider_minutes_minute;
