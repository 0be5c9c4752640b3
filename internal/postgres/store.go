package postgres

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store runs the statements of this package on one database.
type Store struct {
	pool *pgxpool.Pool
	hot  *pgxpool.Pool // for what runs once a message or more: see [settings]
	jobs *pgxpool.Pool // for River
}

// Open connects to the database at url and returns its store. size is the
// largest number of connections, 16 where it is 0; below ten it is exceeded by a few. A
// half of them at most is kept for what runs once a message, and two or three for River.
func Open(ctx context.Context, url string, size int) (*Store, error) {
	if size <= 0 {
		size = 16
	}
	hot := max(min(size/2, hotMost()), 1)
	jobs := max(min(size/4, jobsMost), jobsLeast)
	s := &Store{}
	for _, p := range []struct {
		pool     **pgxpool.Pool
		size     int
		settings map[string]string
	}{
		{&s.pool, max(size-hot-jobs, min(size, poolLeast)), settings},
		{&s.hot, hot, hotSettings},
		{&s.jobs, jobs, jobSettings},
	} {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("database URL: %w", err)
		}
		config.MaxConns = int32(p.size)
		if config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
			config.ConnConfig.DescriptionCacheCapacity = 0 // room on every connection for what this mode never uses
		}
		maps.Copy(config.ConnConfig.RuntimeParams, p.settings)
		if config.ConnConfig.RuntimeParams[idleTimeout] == "" {
			config.ConnConfig.RuntimeParams[idleTimeout] = idleMost
		}
		config.ConnConfig.RuntimeParams["timezone"] = "UTC"
		if config.ConnConfig.RuntimeParams["application_name"] == "" {
			config.ConnConfig.RuntimeParams["application_name"] = "headway"
		}
		if *p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			s.Close()
			return nil, fmt.Errorf("connect to the database: %w", err)
		}
		if err := (*p.pool).Ping(ctx); err != nil {
			s.Close()
			return nil, fmt.Errorf("connect to the database: %w", err)
		}
	}
	return s, nil
}

// A node that stands still in the middle of a transaction, or whose machine is cut
// off, keeps the rows that it has locked: those of paces, without which no other
// node may send. The database ends such a transaction when it has heard nothing for
// as long as a node may be silent before it starts no new message.
const (
	idleTimeout = "idle_in_transaction_session_timeout"
	idleMost    = "10s"
)

// sqlAwaitTurn is for a transaction that waits for the range before its own, which a
// busy machine may take long for. It locks nothing that sending needs.
const sqlAwaitTurn = `set local idle_in_transaction_session_timeout = '1min'`

const (
	// poolLeast is how many connections there are beside the others at least.
	poolLeast = 4
	// jobsMost is enough for River: one listens, one fetches, one notes what is done.
	// One listens for good, so with fewer than two nothing would be fetched.
	jobsMost, jobsLeast = 3, 2
)

// hotMost is how many connections are worth having for what runs once a message: lanes
// share its statements, and each connection plans them for itself
// (docs/decisions/claims-together.md).
func hotMost() int { return max(3, runtime.GOMAXPROCS(0)) }

var (
	// deliveries has many partitions and skewed values: where a statement runs
	// now and then, a plan made for the values at hand is cheaper than a generic
	// one. Compiling a plan for one batch of a launch takes longer than the batch.
	// What counts many rows takes one processor: it may take longer, while pages and
	// lanes need the others now.
	settings = map[string]string{"plan_cache_mode": "force_custom_plan", "jit": "off", "max_parallel_workers_per_gather": "0"}

	// Where it runs once a message, planning costs several times what running
	// does: plans are made once a connection. They must be right for a ledger of
	// any size, also for one that was empty a moment ago: an index, row by row, and
	// the one that brings them in order where only the first ones are wanted. No
	// statement may need a sort for anything but its last result: the price that is
	// put on it hides all others (docs/decisions/plans-once.md).
	hotSettings = map[string]string{"plan_cache_mode": "force_generic_plan", "jit": "off",
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_sort": "off", "enable_material": "off"}

	// River runs the same few statements over and over, on tables that stay small, and
	// finds its rows by index.
	jobSettings = map[string]string{"plan_cache_mode": "force_generic_plan", "jit": "off", "enable_seqscan": "off"}
)

// Close ends all connections.
func (s *Store) Close() {
	for _, pool := range []*pgxpool.Pool{s.pool, s.hot, s.jobs} {
		if pool != nil {
			pool.Close()
		}
	}
}

// Pool returns the connections for everything that has none of its own.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Jobs returns the connections for River.
func (s *Store) Jobs() *pgxpool.Pool { return s.jobs }

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

// inPipe runs work of the hot path, which begins and commits a transaction
// itself, so that both travel with its statements; it is rolled back when work
// fails.
func (s *Store) inPipe(ctx context.Context, work func(*pgxpool.Conn) error) error {
	return s.hot.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
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
