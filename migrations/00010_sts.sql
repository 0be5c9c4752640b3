-- +goose Up

-- What recipient domains ask of encryption (MTA-STS, RFC 8461), until it expires.
create table sts_policies (
    domain     text primary key,
    id         text not null,  -- of the edition, as in the TXT record
    mode       text not null check (mode in ('enforce', 'testing', 'none')),
    hosts      text[] not null,
    expires_at timestamptz not null
);

-- +goose Down
drop table sts_policies;
