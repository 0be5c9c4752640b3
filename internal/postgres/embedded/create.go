//go:build unix

package embedded

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Create makes the database if it is not there yet.
func (s *Server) Create(ctx context.Context, database string) error {
	conn, err := connect(ctx, s.URL(maintenance))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// Two commands at once may both find it missing: only one may create it.
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(hashtext('headway: create database'))`); err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	var there bool
	err = conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, database).Scan(&there)
	if err == nil && !there {
		_, err = conn.Exec(ctx, `create database `+pgx.Identifier{database}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	return nil
}
