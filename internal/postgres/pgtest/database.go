//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sequence numbers the databases of this process.
var sequence atomic.Int64

// Database returns the connection string of a fresh database, cloned from a
// template and dropped after the test. The template is made by migrate, once
// for all test processes and for every fingerprint: a hash of whatever decides
// what migrate does. Connections of the test that are still open at its end
// are cut.
func Database(t testing.TB, migrate func(ctx context.Context, url string) error, fingerprint string) (url string) {
	t.Helper()
	at, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name, err := at.clone(ctx, migrate, fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := at.drop(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return at.url(name)
}

// place is a server to make databases on.
type place struct {
	maintenance string                       // a database to give commands in
	url         func(database string) string // connection string of another one
}

// locate returns the server named in the environment, or else the shared one.
func locate() (place, error) {
	if external := os.Getenv(URLVariable); external != "" {
		u, err := url.Parse(external)
		if err != nil || u.Scheme == "" {
			return place{}, fmt.Errorf("%s is not a URL like postgres://user@host/postgres", URLVariable)
		}
		return place{maintenance: external, url: func(database string) string {
			other := *u
			other.Path = "/" + database
			return other.String()
		}}, nil
	}
	s, err := join()
	if err != nil {
		return place{}, err
	}
	return place{maintenance: s.URL("postgres"), url: s.URL}, nil
}

// do runs f on a connection to the server.
func (p place) do(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, p.maintenance)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	return errors.Join(f(conn), conn.Close(ctx))
}

// clone makes a database from the template of the fingerprint, and the
// template too if it is missing.
func (p place) clone(ctx context.Context, migrate func(context.Context, string) error, fingerprint string) (string, error) {
	template := templateName(fingerprint)
	var name string
	err := p.do(ctx, func(conn *pgx.Conn) error {
		run, err := serverRun(ctx, conn)
		if err != nil {
			return err
		}
		name = fmt.Sprintf("%s%d_%d_%d", clonePrefix, run, os.Getpid(), sequence.Add(1))
		// Twice as quick here as the default, which writes the copy to the log too.
		create := "create database " + name + " template " + template + " strategy file_copy"
		_, err = conn.Exec(ctx, create)
		if hasCode(err, invalidCatalogName) {
			if err := p.makeTemplate(ctx, conn, template, run, migrate); err != nil {
				return err
			}
			_, err = conn.Exec(ctx, create)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("test database: %w", err)
	}
	return name, nil
}

// drop removes a database with whoever is still connected to it.
func (p place) drop(ctx context.Context, name string) error {
	return p.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)")
		return err
	})
}

// SQLSTATEs that we act on.
const (
	invalidCatalogName = "3D000" // no such database
	objectInUse        = "55006"
)

func hasCode(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}
