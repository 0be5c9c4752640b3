-- +goose Up

-- Images that newsletters show, as they are served (campaign/picture). The name
-- holds a hash of the content, so what a name leads to never changes.
create table images (
    name       text primary key,
    file_name  text not null,            -- of the upload, for people
    alt        text not null default '', -- what it shows, in words
    size       int not null,             -- bytes of data
    data       bytea not null,
    thumbnail  bytea not null,
    created_at timestamptz not null,
    created_by text not null
);
create index images_newest on images (created_at desc, name desc);

-- Pictures are compressed by themselves.
alter table images alter column data set storage external, alter column thumbnail set storage external;

-- Which images a text shows.
-- +goose StatementBegin
create function image_names(content text) returns text[]
language sql immutable parallel safe
return (select coalesce(array_agg(distinct found[1]), '{}')
          from regexp_matches(content, '/i/([a-z2-7]{32}-[0-9]{1,5}x[0-9]{1,5}\.(?:png|jpg|gif))', 'g') as found);
-- +goose StatementEnd

-- An image stays as long as anything shows it, whoever wrote that: a draft, a
-- run of a series, a message that was sent years ago.
alter table campaigns add column images text[] not null generated always as (image_names(content::text)) stored;
alter table templates add column images text[] not null generated always as (image_names(html)) stored;
create index campaigns_images on campaigns using gin (images);

-- +goose Down
drop index campaigns_images;
alter table templates drop column images;
alter table campaigns drop column images;
drop function image_names;
drop table images;
