-- +goose Up

-- A reader may choose to get nothing for a while: a suppression with an end.
alter table suppressions
    drop constraint suppressions_reason_check,
    add constraint suppressions_reason_check check (reason in
        ('unsubscribed', 'complained', 'bounced', 'manual', 'imported_suppression', 'erased', 'paused')),
    add constraint suppressions_pause_ends check (reason <> 'paused' or expires_at is not null);

-- +goose Down
alter table suppressions drop constraint suppressions_pause_ends;
-- Who chose a pause is not mailed before it would have ended.
update suppressions set reason = 'manual', evidence = evidence || '{"note": "paused by the reader"}'
 where reason = 'paused' and not exists (select from suppressions s
    where s.key = suppressions.key and s.kind = suppressions.kind and s.reason = 'manual' and s.list_id is null);
delete from suppressions where reason = 'paused';
alter table suppressions
    drop constraint suppressions_reason_check,
    add constraint suppressions_reason_check check (reason in
        ('unsubscribed', 'complained', 'bounced', 'manual', 'imported_suppression', 'erased'));
