package postgres

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlYardstickDrop   = `drop table if exists yardstick, yardstick_contacts, yardstick_members`
	sqlYardstickCreate = `
create table yardstick (
    address    text not null unique,
    first_name text not null,
    last_name  text not null,
    city       text not null,
    plan       text not null%[1]s)`
	sqlYardstickCopy = `copy yardstick from stdin (format csv, header%[1]s)`
	// The same tables that an import fills, with the same indexes.
	sqlYardstickContacts = `create table yardstick_contacts (like contacts including all%[1]s)`
	sqlYardstickMembers  = `create table yardstick_members (like list_members including all%[1]s)`
	sqlYardstickUpsert   = `
with made as (
    insert into yardstick_contacts as c (address, address_key, canonical_key, domain_id, fields, status_since, created_at, updated_at)
    values ($1, $1, $1, 1, $2, $3, $3, $3)
    on conflict (address_key) do update set fields = c.fields || excluded.fields, updated_at = excluded.updated_at
    returning c.id
)
insert into yardstick_members (list_id, contact_id, status, since) select 1, id, 'subscribed', $3%[1]s from made on conflict do nothing`
)

// Yardstick is what imports are measured against: a table of five columns with
// one unique index for COPY, and tables like those of an import for upserts.
type Yardstick struct{ store *Store }

// NewYardstick makes the table anew; [Yardstick.Drop] drops it.
func (s *Store) NewYardstick(ctx context.Context) (Yardstick, error) {
	y := Yardstick{store: s}
	if err := y.Drop(ctx); err != nil {
		return y, err
	}
	for _, sql := range []string{sqlYardstickCreate, sqlYardstickContacts, sqlYardstickMembers} {
		if _, err := s.pool.Exec(ctx, fmt.Sprintf(sql, "")); err != nil {
			return y, fmt.Errorf("make the yardstick: %w", err)
		}
	}
	return y, nil
}

// Copy copies a CSV file with a heading, and nothing else.
func (y Yardstick) Copy(ctx context.Context, file io.Reader) (rows int64, err error) {
	err = y.store.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Conn().PgConn().CopyFrom(ctx, file, fmt.Sprintf(sqlYardstickCopy, ""))
		rows = tag.RowsAffected()
		return err
	})
	if err != nil {
		return rows, fmt.Errorf("copy: %w", err)
	}
	return rows, nil
}

// Upsert writes contacts of an address and four fields one by one, each with its
// membership of a list, in one transaction.
func (y Yardstick) Upsert(ctx context.Context, rows [][]string, now time.Time) error {
	sql := fmt.Sprintf(sqlYardstickUpsert, "")
	err := y.store.InTx(ctx, func(tx pgx.Tx) error {
		for _, r := range rows {
			fields := map[string]string{"first_name": r[1], "last_name": r[2], "city": r[3], "plan": r[4]}
			if _, err := tx.Exec(ctx, sql, r[0], fields, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("upsert: %w", err)
	}
	return nil
}

// Drop drops the tables.
func (y Yardstick) Drop(ctx context.Context) error {
	if _, err := y.store.pool.Exec(ctx, sqlYardstickDrop); err != nil {
		return fmt.Errorf("drop the yardstick: %w", err)
	}
	return nil
}
