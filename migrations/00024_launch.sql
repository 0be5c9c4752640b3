-- +goose Up

-- The few domains that must not be mailed, for a launch that asks for all of them.
create index suppressions_domain on suppressions (key) where kind = 'domain';

-- A launch takes a million.
alter sequence delivery_ids cache 1000;

-- +goose Down
alter sequence delivery_ids cache 1;
drop index suppressions_domain;
