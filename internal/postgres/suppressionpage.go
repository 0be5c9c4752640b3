package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// The newest first, of those that one page looks at. Index: the primary key.
	sqlSuppressionPage = `
select s.id, s.scope, coalesce(l.name, ''), s.kind, s.key, s.reason, s.evidence, s.created_at, s.expires_at
  from (select * from suppressions where id < $1 order by id desc limit $5) s left join lists l on l.id = s.list_id
 where ($2 = '' or s.reason = $2) and ($3 = '' or s.scope = $3) and ($4 = '' or l.name = $4)
 order by s.id desc limit $6`

	// Index: suppressions_once.
	sqlSuppressionNamed = `
select s.id, s.scope, coalesce(l.name, ''), s.kind, s.key, s.reason, s.evidence, s.created_at, s.expires_at
  from (select * from suppressions where key like $1 limit $5) s left join lists l on l.id = s.list_id
 where ($2 = '' or s.reason = $2) and ($3 = '' or s.scope = $3) and ($4 = '' or l.name = $4)
 order by s.id desc limit $6`

	// Index: the primary key.
	sqlSuppressionEdge = `select id from suppressions where id < $1 order by id desc limit 1 offset $2`

	// Index: suppression_lifts_key.
	sqlLiftsOf = `
select f.lifted_at, f.lifted_by, f.note, f.reason, coalesce(l.name, ''), f.created_at
  from suppression_lifts f left join lists l on l.id = f.list_id where f.key = $1 order by f.lifted_at desc limit 100`
)

// SuppressionQuery says which entries a page shows; an empty field wants all.
type SuppressionQuery struct {
	Begins string // of the address or domain, in lower case
	Reason string
	Scope  string // list or global
	List   string // name
	Before int64  // id; 0 for the newest
	Limit  int
}

// SuppressionPage returns entries, the newest first, and the id before which the
// next page goes on: 0 when nothing follows. A page looks at 20,000 entries at
// most, so it may show fewer than asked for although more follow.
func (s *Store) SuppressionPage(ctx context.Context, q SuppressionQuery) (found []SuppressionEntry, next int64, err error) {
	if q.Begins != "" {
		found, err = s.suppressions(ctx, sqlSuppressionNamed, prefix(q.Begins), q.Reason, q.Scope, q.List, membersLooked, q.Limit)
		return found, 0, err
	}
	before := q.Before
	if before == 0 {
		before = 1<<63 - 1
	}
	found, err = s.suppressions(ctx, sqlSuppressionPage, before, q.Reason, q.Scope, q.List, membersLooked, q.Limit+1)
	if err != nil {
		return nil, 0, err
	}
	if len(found) > q.Limit {
		found = found[:q.Limit]
		return found, found[q.Limit-1].ID, nil
	}
	if err := s.pool.QueryRow(ctx, sqlSuppressionEdge, before, membersLooked-1).Scan(&next); err != nil {
		return found, 0, nil // fewer follow: all were looked at
	}
	return found, next, nil
}

// Lifted is a suppression that a person lifted.
type Lifted struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Note   string    `json:"note"`
	Reason string    `json:"reason"`
	List   string    `json:"list,omitempty"`
	Since  time.Time `json:"since"` // when it began
}

// LiftsOf returns what was lifted of an address, the newest first.
func (s *Store) LiftsOf(ctx context.Context, key string) ([]Lifted, error) {
	rows, err := s.pool.Query(ctx, sqlLiftsOf, key)
	if err != nil {
		return nil, fmt.Errorf("lifts: %w", err)
	}
	lifts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Lifted])
	return lifts, wrap(err, "lifts")
}
