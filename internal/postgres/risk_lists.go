package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/risk"
)

// RiskList says what is known of a public list that was loaded.
type RiskList struct {
	Kind     string    `json:"kind"` // disposable, free or role
	Version  int64     `json:"version"`
	Source   string    `json:"source"`
	Entries  int       `json:"entries"`
	LoadedAt time.Time `json:"loaded_at"`
}

const (
	sqlSaveRiskList = `
insert into risk_lists as r (kind, source, sha256, entries, body, loaded_at) values ($1, $2, $3, $4, $5, $6)
on conflict (kind) do update
   set version = case when r.sha256 = excluded.sha256 then r.version else r.version + 1 end,
       source = excluded.source, sha256 = excluded.sha256, entries = excluded.entries, body = excluded.body,
       loaded_at = excluded.loaded_at
returning version`

	sqlRiskLists      = `select kind, version, source, entries, loaded_at from risk_lists order by kind`
	sqlRiskListBodies = `select kind, body from risk_lists`
)

// SaveRiskList puts a list, checked by the caller, in the place of the one of
// its kind, and returns its version. All nodes use it from their next
// verification on.
func (s *Store) SaveRiskList(ctx context.Context, l RiskList, body string, now time.Time) (int64, error) {
	sum := sha256.Sum256([]byte(body))
	var version int64
	if err := s.pool.QueryRow(ctx, sqlSaveRiskList, l.Kind, l.Source, sum[:], l.Entries, body, now).Scan(&version); err != nil {
		return 0, fmt.Errorf("save the %s list: %w", l.Kind, err)
	}
	return version, nil
}

// RiskListsLoaded returns the lists that were loaded, by kind.
func (s *Store) RiskListsLoaded(ctx context.Context) ([]RiskList, error) {
	rows, err := s.pool.Query(ctx, sqlRiskLists)
	if err != nil {
		return nil, fmt.Errorf("risk lists: %w", err)
	}
	lists, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RiskList])
	if err != nil {
		return nil, fmt.Errorf("risk lists: %w", err)
	}
	return lists, nil
}

// RiskLists returns the lists to judge with: the loaded ones, and for each kind
// without one the seed that the program brings along.
func (s *Store) RiskLists(ctx context.Context) (risk.Lists, error) {
	lists := risk.SeedLists()
	rows, err := s.pool.Query(ctx, sqlRiskListBodies)
	if err != nil {
		return lists, fmt.Errorf("risk lists: %w", err)
	}
	var kind, body string
	_, err = pgx.ForEachRow(rows, []any{&kind, &body}, func() error {
		_, err := lists.Load(risk.Kind(kind), strings.NewReader(body))
		return err
	})
	if err != nil {
		return lists, fmt.Errorf("risk lists: %w", err)
	}
	return lists, nil
}
