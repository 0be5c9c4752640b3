package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

// Who stands still in the middle of a transaction keeps others waiting for a while
// only, on either kind of connection.
func TestSilentTransactionsEnd(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.Database(t, Migrate, MigrationsFingerprint())
	usual, err := Open(ctx, url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(usual.Close)
	sign := "?"
	if strings.Contains(url, "?") {
		sign = "&"
	}
	brief, err := Open(ctx, url+sign+idleTimeout+"=2s", 4) // which no pause between two statements takes on a busy machine
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brief.Close)
	if _, err := usual.pool.Exec(ctx, `insert into instance (name, value) values ('routes', '')`); err != nil {
		t.Fatal(err)
	}
	for name, pool := range map[string]interface {
		AcquireFunc(context.Context, func(*pgxpool.Conn) error) error
	}{"usual": usual.pool, "hot": usual.hot} {
		err := pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			var most string
			err := c.QueryRow(ctx, `show `+idleTimeout).Scan(&most)
			if most != idleMost {
				t.Errorf("%s: a silent transaction may last %s", name, most)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	frozen, err := brief.hot.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Rollback(ctx) // an error: it has been ended
	if _, err := frozen.Exec(ctx, sqlLockRoutes); err != nil {
		t.Fatal(err)
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := usual.SetRoutes(wait, "* smtp://relay.test", time.Now()); err != nil {
		t.Errorf("others wait for good: %v", err)
	}
	if _, err := frozen.Exec(ctx, `select 1`); err == nil {
		t.Error("the silent transaction goes on")
	}
}
