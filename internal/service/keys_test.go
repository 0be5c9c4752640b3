package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/service"
)

// TestDatabaseOfAnotherKeyIsRefused: a node with the wrong key must not start,
// least of all seal new secrets with it.
func TestDatabaseOfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := storetest.Open(t, 4)
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

// A second key signs beside the first, and never alone.
func TestGenerateSecondDKIM(t *testing.T) {
	t.Parallel()
	store := storetest.Open(t, 4)
	c := config.Default()
	c.SecretKey = base64.StdEncoding.EncodeToString(make([]byte, 32))
	s, err := service.New(t.Context(), store, nil, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GenerateSecondDKIM(t.Context(), "headway-letters.com", ""); err == nil || !strings.Contains(err.Error(), "no RSA key yet") {
		t.Fatalf("error %v", err)
	}
	for _, generate := range []func(context.Context, string, string) (dkim.Record, error){s.GenerateDKIM, s.GenerateSecondDKIM} {
		if _, err := generate(t.Context(), "Headway-Letters.com.", ""); err != nil {
			t.Fatal(err)
		}
	}
	signers, err := s.Signers(t.Context(), "news.headway-letters.com")
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("From: a@news.headway-letters.com\r\n\r\nHello\r\n")
	signed, err := dkim.Sign(nil, message, time.Now(), signers...)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"a=rsa-sha256", "a=ed25519-sha256"} {
		if n := strings.Count(string(signed), algorithm); n != 1 {
			t.Errorf("%d signatures with %s", n, algorithm)
		}
	}
}
