-- +goose Up

-- The name of a file that the node's process holds locked as long as it lives;
-- empty where it has none.
alter table nodes add column lifeline text not null default '';

-- +goose Down
alter table nodes drop column lifeline;
