package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// BenchSeed says how much a database is filled with.
type BenchSeed struct {
	Contacts  int // also the recipients of the largest campaign
	Providers int // at least 20
	Domains   int // at least 50
	Imports   int // files that the contacts came with
	Medium    int // campaigns of MediumSize recipients
	Small     int // campaigns of SmallSize recipients
	// Recipients of a campaign are at most Contacts.
	MediumSize, SmallSize int

	Now      time.Time
	Content  []byte   // of every campaign, as JSON; their subjects differ
	Settings []byte   // of every campaign, as JSON
	Paces    [][]byte // states that providers have in turn, as JSON
}

// Deliveries returns how many rows the ledger will have.
func (b BenchSeed) Deliveries() int { return b.Contacts + b.Medium*b.MediumSize + b.Small*b.SmallSize }

// BenchStep is a part of the filling that is done.
type BenchStep struct {
	What string
	Rows int64
	Took time.Duration
}

// benchStatement is one step of the filling.
type benchStatement struct {
	what string
	sql  string
	args []any
}

const (
	// Sorts and hashes stay in memory, and row by row look-ups are never the
	// quickest way to make a million rows. A crash costs a filling, nothing else.
	sqlBenchQuick = `
select set_config('synchronous_commit', 'off', false), set_config('work_mem', '256MB', false),
       set_config('maintenance_work_mem', '512MB', false), set_config('enable_nestloop', 'off', false), set_config('jit', 'off', false)`
	sqlBenchUsual = `reset all`

	sqlBenchSequence = `select setval(pg_get_serial_sequence($1, 'id'), $2::bigint)`
	sqlBenchVacuum   = `vacuum (analyze)`
	sqlBenchLedgers  = `select id from ledgers order by id`
)

// SeedForBench fills a database that holds no contacts and no campaigns with what
// an installation has after two years, in sets: contacts of many domains and
// providers with their lists, imports, verdicts and suppressions; campaigns in
// every state; their deliveries with attempts, minutes, changes of pace and
// clicks. Counters are counted from the rows. Every value follows from numbers, so
// that two fillings are alike. told hears of each step.
func (s *Store) SeedForBench(ctx context.Context, b BenchSeed, told func(BenchStep)) error {
	filled, err := s.Filled(ctx)
	if err == nil && filled {
		err = errors.New("the database holds contacts or campaigns already")
	}
	if err != nil {
		return fmt.Errorf("fill for a bench: %w", err)
	}
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, sqlBenchQuick); err != nil {
			return err
		}
		defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), sqlBenchUsual) }() // a lost connection has no settings
		for _, part := range []func(context.Context, *benchFilling) error{fillPeople, fillCampaigns, fillLedgers, fillTraces} {
			if err := part(ctx, &benchFilling{BenchSeed: b, store: s, conn: conn, told: told}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fill for a bench: %w", err)
	}
	return nil
}

// benchFilling is a filling under way.
type benchFilling struct {
	BenchSeed
	store *Store
	conn  *pgxpool.Conn
	told  func(BenchStep)
}

// do carries steps out, one after the other.
func (f *benchFilling) do(ctx context.Context, steps ...benchStatement) error {
	for _, step := range steps {
		began := time.Now()
		tag, err := f.conn.Exec(ctx, step.sql, step.args...)
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if step.what != "" {
			f.told(BenchStep{step.what, tag.RowsAffected(), time.Since(began)})
		}
	}
	return nil
}

// numbered lets a table go on counting after its rows.
func numbered(table string, last int) benchStatement {
	return benchStatement{sql: sqlBenchSequence, args: []any{table, last}}
}
