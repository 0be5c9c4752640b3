package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene"
)

const (
	// An entry that is there already stays as it is, except that a longer time
	// wins over a shorter one. Index: suppressions_once.
	sqlSuppress = `
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
                  as g (kind, key, canonical, reason, evidence, expires_at)
)
insert into suppressions as s (scope, list_id, kind, key, canonical_key, reason, evidence, created_at, expires_at)
select distinct on (g.key, g.kind, g.reason)
       case when $7::bigint is null then 'global' else 'list' end, $7, g.kind, g.key, nullif(g.canonical, ''), g.reason,
       g.evidence, $8, g.expires_at
  from given g order by g.key, g.kind, g.reason, g.expires_at desc nulls first
on conflict (key, kind, reason, coalesce(list_id, 0)) do update
   set expires_at = excluded.expires_at, evidence = excluded.evidence
 where s.expires_at is not null and (excluded.expires_at is null or excluded.expires_at > s.expires_at)
returning s.xmax = 0`

	sqlSuppressionSearch = `
select s.id, s.scope, coalesce(l.name, ''), s.kind, s.key, s.reason, s.evidence, s.created_at, s.expires_at
  from suppressions s left join lists l on l.id = s.list_id
 where s.id > $1 and ($2 = '' or strpos(s.key, $2) > 0) and ($3 = '' or s.reason = $3)
   and ($4 = '' or l.name = $4)
 order by s.id limit $5`

	// Everything that keeps an address from being mailed. Indexes:
	// suppressions_once, suppressions_canonical.
	sqlSuppressionsOf = `
select s.id, s.scope, coalesce(l.name, ''), s.kind, s.key, s.reason, s.evidence, s.created_at, s.expires_at
  from suppressions s left join lists l on l.id = s.list_id
 where s.kind = 'address' and (s.key = $1 or s.canonical_key = $2) or s.kind = 'domain' and s.key = $3
 order by s.id`

	sqlLiftable = `
select id, reason from suppressions
 where kind = $1 and key = $2 and coalesce(list_id, 0) = coalesce($3::bigint, 0) order by id for update`
	sqlLift = `
with lifted as (delete from suppressions where id = any($1) returning *)
insert into suppression_lifts (lifted_at, lifted_by, note, key, kind, reason, list_id, created_at, evidence)
select $2, $3, $4, key, kind, reason, list_id, created_at, evidence from lifted`
	sqlLiftContact = `
update contacts set status = 'active', status_since = $3, updated_at = $3
 where address_key = $1 and (status = 'cleaned' and 'bounced' = any($2::text[]) or status = 'unsubscribed' and 'unsubscribed' = any($2))`
	sqlLiftMember = `
update list_members m set status = 'subscribed', since = $3
  from contacts c where c.address_key = $1 and m.contact_id = c.id and m.list_id = $2 and m.status = 'unsubscribed'`
)

// SuppressionEntry is one row of the store of suppressions.
type SuppressionEntry struct {
	ID        int64           `json:"id"`
	Scope     string          `json:"scope"`          // list or global
	List      string          `json:"list,omitempty"` // name, for the scope list
	Kind      string          `json:"kind"`           // address or domain
	Key       string          `json:"key"`            // exact key of the address, or the domain
	Reason    string          `json:"reason"`
	Evidence  json.RawMessage `json:"evidence"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty"`
}

// NewSuppression is an address or domain that must not be mailed.
type NewSuppression struct {
	Kind      string // address or domain
	Key       string
	Canonical string // empty: only the exact key is meant
	Reason    listhygiene.SuppressionReason
	Evidence  json.RawMessage
	ExpiresAt *time.Time
}

// Suppress adds entries for a list, by name, or globally when it is empty, and
// returns how many are new. It tells all nodes.
func (s *Store) Suppress(ctx context.Context, list string, entries []NewSuppression, now time.Time) (added int64, err error) {
	cols := struct {
		kind, key, canonical, reason, evidence []string
		expires                                []*time.Time
	}{}
	for _, e := range entries {
		cols.kind, cols.key = append(cols.kind, e.Kind), append(cols.key, e.Key)
		cols.canonical, cols.reason = append(cols.canonical, e.Canonical), append(cols.reason, string(e.Reason))
		cols.evidence, cols.expires = append(cols.evidence, string(e.Evidence)), append(cols.expires, e.ExpiresAt)
	}
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		id, err := optionalList(ctx, tx, list)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlSuppress, cols.kind, cols.key, cols.canonical, cols.reason, cols.evidence, cols.expires, id, now)
		if err != nil {
			return err
		}
		fresh := false
		if _, err := pgx.ForEachRow(rows, []any{&fresh}, func() error {
			if fresh {
				added++
			}
			return nil
		}); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlNotify, "suppressed")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("suppress: %w", err)
	}
	return added, nil
}

func optionalList(ctx context.Context, q queryer, name string) (*int64, error) {
	if name == "" {
		return nil, nil
	}
	id, err := listID(ctx, q, name)
	return &id, err
}

// SuppressionFilter says which entries are wanted; a zero field wants all.
type SuppressionFilter struct {
	Text   string // part of the address or domain, in lower case
	Reason string
	List   string // name: only those of this list
	After  int64  // id: for the next page
	Limit  int
}

// Suppressions returns entries in the order in which they were made.
func (s *Store) Suppressions(ctx context.Context, f SuppressionFilter) ([]SuppressionEntry, error) {
	return s.suppressions(ctx, sqlSuppressionSearch, f.After, f.Text, f.Reason, f.List, f.Limit)
}

// SuppressionsOf returns what keeps an address from being mailed, expired
// entries among them.
func (s *Store) SuppressionsOf(ctx context.Context, key, canonical, domain string) ([]SuppressionEntry, error) {
	return s.suppressions(ctx, sqlSuppressionsOf, key, canonical, domain)
}

func (s *Store) suppressions(ctx context.Context, sql string, args ...any) ([]SuppressionEntry, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("suppressions: %w", err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[SuppressionEntry])
	if err != nil {
		return nil, fmt.Errorf("suppressions: %w", err)
	}
	return entries, nil
}

// Lift is the wish that an address or domain may be mailed again.
type Lift struct {
	Kind string // address or domain
	Key  string
	List string // name; empty for the global entries
	Note string // why: kept
	By   string
	At   time.Time
}

// ErrNotLiftable says that nobody may lift a suppression: the person complained.
var ErrNotLiftable = errors.New("a complaint is not lifted: this person reported mail as spam")

// Lift removes entries, keeps them with the note, and lets the contact and, for
// a list, the membership count as active again. It returns [ErrNotFound] when
// there is no entry, and [ErrNotLiftable] for one that stays.
func (s *Store) Lift(ctx context.Context, l Lift) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		list, err := optionalList(ctx, tx, l.List)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlLiftable, l.Kind, l.Key, list)
		if err != nil {
			return err
		}
		var (
			ids     []int64
			reasons []string
			id      int64
			reason  string
		)
		if _, err := pgx.ForEachRow(rows, []any{&id, &reason}, func() error {
			if !listhygiene.SuppressionReason(reason).Liftable() {
				return ErrNotLiftable
			}
			ids, reasons = append(ids, id), append(reasons, reason)
			return nil
		}); err != nil {
			return err
		}
		if len(ids) == 0 {
			return ErrNotFound
		}
		if _, err := tx.Exec(ctx, sqlLift, ids, l.At, l.By, l.Note); err != nil {
			return err
		}
		if l.Kind != "address" {
			return nil
		}
		if list != nil {
			_, err = tx.Exec(ctx, sqlLiftMember, l.Key, *list, l.At)
			return err
		}
		_, err = tx.Exec(ctx, sqlLiftContact, l.Key, reasons, l.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("lift the suppression of %s: %w", l.Key, err)
	}
	return nil
}
