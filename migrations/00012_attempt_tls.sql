-- +goose Up

-- The encryption under which an attempt failed; empty in the clear.
alter table attempts
    add column tls_version  text not null default '',
    add column tls_cipher   text not null default '',
    add column tls_subject  text not null default '', -- of the server's certificate
    add column tls_verified boolean not null default false;

-- +goose Down
alter table attempts drop column tls_version, drop column tls_cipher, drop column tls_subject, drop column tls_verified;
