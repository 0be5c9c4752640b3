package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// AuditEntry is something that a person changed by hand, or a program in their
// name.
type AuditEntry struct {
	ID      int64
	At      time.Time
	Actor   string // who
	Door    string // pages, command line or API
	Action  string // what, e.g. provider.hold
	Subject string // on what, e.g. provider google
	Note    string // why, in their own words
	Detail  json.RawMessage
}

const (
	sqlInsertAudit = `
insert into audit_log (at, actor, door, action, subject, note, detail) values ($1, $2, $3, $4, $5, $6, $7)`

	// Index: audit_log_subject, or the primary key for all subjects.
	sqlAudit = `
select id, at, actor, door, action, subject, note, detail
  from audit_log where $1 = '' or subject = $1 order by id desc limit $2`
)

// AddAudit records a change. Entries are never changed or removed.
func (s *Store) AddAudit(ctx context.Context, e AuditEntry) error {
	if e.Detail == nil {
		e.Detail = json.RawMessage(`{}`)
	}
	if _, err := s.pool.Exec(ctx, sqlInsertAudit, e.At, e.Actor, e.Door, e.Action, e.Subject, e.Note, e.Detail); err != nil {
		return fmt.Errorf("audit %s of %s: %w", e.Action, e.Subject, err)
	}
	return nil
}

// Audit returns the newest changes first: of one subject, or of all when it is
// empty.
func (s *Store) Audit(ctx context.Context, subject string, limit int) ([]AuditEntry, error) {
	rows, err := s.pool.Query(ctx, sqlAudit, subject, limit)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entries, nil
}
