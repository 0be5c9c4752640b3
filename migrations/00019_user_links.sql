-- +goose Up

-- The system campaign whose message carried a link; null for one that was handed
-- over by a person.
alter table user_links add column campaign_id bigint references campaigns on delete set null;

-- +goose Down
alter table user_links drop column campaign_id;
