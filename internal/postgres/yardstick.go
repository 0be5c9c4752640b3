package postgres

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
)

const (
	sqlYardstickDrop   = `drop table if exists yardstick`
	sqlYardstickCreate = `
create table yardstick (
    address    text not null unique,
    first_name text not null,
    last_name  text not null,
    city       text not null,
    plan       text not null%[1]s)`
	sqlYardstickCopy   = `copy yardstick from stdin (format csv, header%[1]s)`
	sqlYardstickUpsert = `
insert into yardstick (address, first_name, last_name, city, plan) values ($1, $2, $3, $4, $5)
on conflict (address) do update set first_name = excluded.first_name, last_name = excluded.last_name,
       city = excluded.city, plan = excluded.plan%[1]s`
)

// Yardstick is what imports are measured against: a table of five columns with
// one unique index.
type Yardstick struct{ store *Store }

// NewYardstick makes the table anew; [Yardstick.Drop] drops it.
func (s *Store) NewYardstick(ctx context.Context) (Yardstick, error) {
	y := Yardstick{store: s}
	if err := y.Drop(ctx); err != nil {
		return y, err
	}
	if _, err := s.pool.Exec(ctx, fmt.Sprintf(sqlYardstickCreate, "")); err != nil {
		return y, fmt.Errorf("make the yardstick: %w", err)
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

// Upsert writes rows of five values one by one, in one transaction.
func (y Yardstick) Upsert(ctx context.Context, rows [][]string) error {
	sql := fmt.Sprintf(sqlYardstickUpsert, "")
	err := y.store.InTx(ctx, func(tx pgx.Tx) error {
		for _, r := range rows {
			if _, err := tx.Exec(ctx, sql, r[0], r[1], r[2], r[3], r[4]); err != nil {
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

// Drop drops the table.
func (y Yardstick) Drop(ctx context.Context) error {
	if _, err := y.store.pool.Exec(ctx, sqlYardstickDrop); err != nil {
		return fmt.Errorf("drop the yardstick: %w", err)
	}
	return nil
}
