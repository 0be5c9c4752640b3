-- +goose Up

-- The few domains that must not be mailed, for a launch that asks for all of them.
create index suppressions_domain on suppressions (key) where kind = 'domain';

-- +goose Down
drop index suppressions_domain;
