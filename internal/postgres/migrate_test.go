package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

// A program that is older than its database does not start on it, and says why;
// one of the same age starts again and again.
func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.Database(t, Migrate, MigrationsFingerprint())
	if err := Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `insert into goose_db_version (version_id, is_applied) values (99999, true)`); err != nil {
		t.Fatal(err)
	}
	if err := Migrate(ctx, url); err == nil || !strings.Contains(err.Error(), "newer Headway: it has schema 99999") {
		t.Errorf("an older program says %v", err)
	}
}
