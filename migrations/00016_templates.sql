-- +goose Up

-- Layouts of people's own: HTML with {{ content }} where the newsletter goes. A
-- draft keeps a copy of the one that was chosen when it was saved last.
create table templates (
    id         bigint generated always as identity primary key,
    name       text not null unique check (name <> ''),
    html       text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- +goose Down
drop table templates;
