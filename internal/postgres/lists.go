package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlInsertList = `
insert into lists (name, created_at) values ($1, $2) on conflict (name) do nothing returning id`
	sqlRenameList = `
update lists set name = $2 where name = $1 and not exists (select from lists where name = $2)`

	// A list that a campaign was sent to stays, for the campaign's report.
	sqlDeleteList = `
delete from lists l
 where l.name = $1 and not exists (select from list_members m where m.list_id = l.id)
   and not exists (select from campaign_lists c where c.list_id = l.id)
   and not exists (select from imports i where i.list_name = l.name and i.state in ('waiting', 'staging', 'merging'))
   and not exists (select from suppressions s where s.list_id = l.id)`
	sqlForgetListImports = `update imports set list_id = null where list_id = (select id from lists where name = $1)`
)

const (
	sqlListNames = `select name from lists order by name`
	sqlListIndex = `select id, name, 0::bigint, 0::bigint, created_at from lists order by name`
)

// ListIndex returns all lists by name, without counting their members.
func (s *Store) ListIndex(ctx context.Context) ([]List, error) {
	rows, err := s.pool.Query(ctx, sqlListIndex)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	lists, err := pgx.CollectRows(rows, pgx.RowToStructByPos[List])
	return lists, wrap(err, "lists")
}

// ListNames returns the names of all lists.
func (s *Store) ListNames(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, sqlListNames)
	if err != nil {
		return nil, fmt.Errorf("names of lists: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, wrap(err, "names of lists")
}

// AddList makes a list. It returns [ErrExists] when there is one of that name.
func (s *Store) AddList(ctx context.Context, name string, now time.Time) error {
	var id int64
	err := s.pool.QueryRow(ctx, sqlInsertList, name, now).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("list %q %w", name, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("list %q: %w", name, err)
	}
	return nil
}

// listID returns the id of a list, or [ErrNotFound].
func listID(ctx context.Context, q queryer, name string) (id int64, err error) {
	err = q.QueryRow(ctx, sqlListID, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("list %q: %w", name, ErrNotFound)
	}
	return id, err
}

// RenameList gives a list another name. It returns [ErrNotFound], or [ErrExists]
// when the other name is taken.
func (s *Store) RenameList(ctx context.Context, name, to string) error {
	tag, err := s.pool.Exec(ctx, sqlRenameList, name, to)
	if err == nil && tag.RowsAffected() == 0 {
		if _, err = listID(ctx, s.pool, name); err == nil {
			err = fmt.Errorf("list %q %w", to, ErrExists)
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("list %q: %w", name, err)
	}
	return nil
}

// ErrInUse says that something is needed by something else.
var ErrInUse = errors.New("is in use")

// DeleteList deletes an empty list. It returns [ErrNotFound], or [ErrInUse] for a
// list that has members or suppressions, that a campaign names, or that an
// import is about to fill.
func (s *Store) DeleteList(ctx context.Context, name string) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlMergeLock); err != nil { // memberships have no foreign key
			return err
		}
		if _, err := listID(ctx, tx, name); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlForgetListImports, name); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, sqlDeleteList, name)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("list %q %w", name, ErrInUse)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}
