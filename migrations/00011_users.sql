-- +goose Up

-- Who works with Headway.
create table users (
    id            bigint generated always as identity primary key,
    address       text not null,
    address_key   text not null unique, -- in lower case: what people log in with
    name          text not null,
    role          text not null check (role in ('owner', 'editor', 'analyst')),
    password      text not null default '', -- argon2id; empty until the invitation is taken up
    created_at    timestamptz not null,
    last_login_at timestamptz,
    disabled_at   timestamptz
);

-- Browsers that are logged in. Of the secret in the cookie only the hash is kept.
create table sessions (
    kept       bytea primary key,
    user_id    bigint not null references users on delete cascade,
    created_at timestamptz not null,
    seen_at    timestamptz not null,
    expires_at timestamptz not null,
    agent      text not null,
    network    text not null
);
create index sessions_user on sessions (user_id);

-- Links that let a person choose a password, good once.
create table user_links (
    kept       bytea primary key,
    user_id    bigint not null references users on delete cascade,
    purpose    text not null check (purpose in ('invite', 'reset')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index user_links_user on user_links (user_id);

-- +goose Down
drop table user_links, sessions, users;
