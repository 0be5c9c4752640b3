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
