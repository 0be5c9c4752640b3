package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store runs the statements of this package on one database.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database at url and returns its store. size is the
// largest number of connections; 0 means 16.
func Open(ctx context.Context, url string, size int) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	config.MaxConns = 16
	if size > 0 {
		config.MaxConns = int32(size)
	}
	// deliveries has many partitions and skewed values: a plan made for the
	// values at hand is always cheaper than a generic one.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "headway"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return &Store{pool: pool}, nil
}

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// Pool returns the connections, for River and for tests.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// InTx runs work in one transaction, which is rolled back when work fails.
func (s *Store) InTx(ctx context.Context, work func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, work)
}

// inPipe runs work that begins and commits a transaction itself, so that both
// travel with its statements; it is rolled back when work fails.
func (s *Store) inPipe(ctx context.Context, work func(*pgxpool.Conn) error) error {
	return s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		err := work(conn)
		if err != nil && !conn.Conn().IsClosed() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback") // a connection that is still inside is thrown away by its pool
		}
		return err
	})
}

// queryer is what a statement runs on: the pool or a transaction.
type queryer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// zeroAsNull turns the zero time into SQL null.
func zeroAsNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// nullAsZero turns SQL null into the zero time.
func nullAsZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
