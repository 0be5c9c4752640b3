-- +goose Up

-- What verification learns of a domain from messages to others there: those that
-- were accepted and came back, and those refused for want of SMTPUTF8.
create index attempts_reported on attempts (at) where phase = 'async';
create index attempts_utf8 on attempts (at) where rule = 'any-smtputf8';

-- +goose Down
drop index attempts_utf8, attempts_reported;
