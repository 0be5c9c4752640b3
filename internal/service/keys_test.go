package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/service"
)

// TestDatabaseOfAnotherKeyIsRefused: a node with the wrong key must not start,
// least of all seal new secrets with it.
func TestDatabaseOfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store, err := postgres.Open(ctx, pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint()), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	with := func(fill byte) (*service.Service, error) {
		c := config.Default()
		c.SecretKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
		return service.New(ctx, store, nil, c, slog.New(slog.DiscardHandler))
	}
	first, err := with(1)
	if err != nil {
		t.Fatal(err)
	}
	record, err := first.GenerateDKIM(ctx, "letters.headway-letters.com", "autumn")
	if err != nil {
		t.Fatal(err)
	}
	_, err = with(2)
	if err == nil {
		t.Fatal("a database that was sealed with another key is taken")
	}
	for _, word := range []string{"another secret key", "secret_key", "secret.key"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	again, err := with(1)
	if err != nil {
		t.Fatalf("the right key: %v", err)
	}
	records, err := again.DKIMRecords(ctx)
	if err != nil || len(records) != 1 || records[0] != record {
		t.Errorf("the key opens to %v, %v; want %v", records, err, record)
	}
}
