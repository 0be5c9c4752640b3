//go:build unix

// Package storetest gives a test a store on a migrated database of its own (see
// package pgtest). It is imported by tests only; those of package postgres, which
// it imports, open theirs themselves.
package storetest

import (
	"context"
	"testing"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
)

// Open returns a store with a number of connections, which ends with the test.
func Open(t testing.TB, connections int) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(context.Background(), pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint()), connections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// Requeue makes the queue agree with a ledger that was changed by hand.
func Requeue(t testing.TB, store *postgres.Store) {
	t.Helper()
	for _, sql := range []string{`delete from mail_queue`, `
insert into mail_queue (campaign_id, provider_id, deferred, due_at, delivery_id, ledger_id, domain_id, first_attempt_at)
select campaign_id, coalesce(provider_id, 0), state = 'deferred', due_at, id, ledger_id, domain_id, first_attempt_at
  from deliveries where state in ('queued', 'deferred')`} {
		if _, err := store.Pool().Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
}
