package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// MergeStep merges the next staged rows, by address, into contacts and the list: two
// ranges of size rows side by side, as a statement that enters rows has one process
// of Postgres. Each has a transaction of its own, and moves the import behind itself
// in it, one after the other; a dry run only counts. MergeStep returns true, and the
// import has ended, when no row is left.
func (s *Store) MergeStep(ctx context.Context, i *Import, rule MergeRule, size int, now time.Time) (bool, error) {
	m := merging{store: s, imported: i, rule: rule, now: now, spareWait: spareWait}
	return m.run(ctx, size)
}

// overtaken reports whether others made one of the contacts or memberships of a
// step while it ran. It finds them when it is done again.
func overtaken(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) &&
		(refused.ConstraintName == "contacts_address_key_key" || refused.ConstraintName == "list_members_pkey")
}

// crossed reports whether a first range waited for somebody for too long. They may
// wait for the second range, and that waits for the first: a circle that Postgres
// does not see.
func crossed(err error) bool {
	const lockNotAvailable = "55P03" // Postgres documentation, "PostgreSQL Error Codes"
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == lockNotAvailable
}

// merging is a step of a merge.
type merging struct {
	store    *Store
	imported *Import // as it was committed last
	rule     MergeRule
	now      time.Time
	single   bool // one range at a time

	spareWait time.Duration // how long it waits for a second connection
}

// spareWait is how long a step waits for a second connection before it does without:
// those who have them all may wait for this step.
const spareWait = 100 * time.Millisecond

// run does a step, and does it again where others were in its way.
func (m *merging) run(ctx context.Context, size int) (bool, error) {
	for {
		done, err := m.step(ctx, size)
		switch {
		case overtaken(err):
		case crossed(err) && !m.single:
			m.single = true
		case err != nil:
			return false, fmt.Errorf("import %d: merge: %w", m.imported.ID, err)
		default:
			return done, nil
		}
	}
}

// mergeRange are the addresses behind one, up to another.
type mergeRange struct {
	after, upto string
	seq         int // of its row in import_steps
}

// step merges what comes next. The transaction of the last range keeps other merges
// out until all ranges have ended.
func (m *merging) step(ctx context.Context, size int) (done bool, err error) {
	var next Import
	err = m.store.InTx(ctx, func(tx pgx.Tx) error {
		middle, edge, err := m.edges(ctx, tx, size)
		if err != nil {
			return err
		}
		if done = edge == nil; done {
			next, err = m.end(ctx, tx)
			return err
		}
		first := mergeRange{m.imported.MergedKey, *middle, m.imported.Counts.Steps}
		second := mergeRange{*middle, *edge, first.seq + 1}
		if conn := m.spare(ctx, second); conn != nil {
			defer conn.Release()
			next, err = m.both(ctx, conn, first, tx, second)
		} else {
			next, err = m.merge(ctx, tx, first, func() error { return nil })
		}
		return err
	})
	if err == nil {
		*m.imported = next
	}
	return done, err
}

// edges returns where the next two ranges end: nil when no row is left.
func (m *merging) edges(ctx context.Context, tx pgx.Tx, size int) (middle, edge *string, err error) {
	if _, err := tx.Exec(ctx, sqlMergeLock); err != nil {
		return nil, nil, err
	}
	if err := m.imported.stands(ctx, tx, sqlImportAt); err != nil { // before its table is looked for
		return nil, nil, err
	}
	var there bool
	batch := &pgx.Batch{} // one after the other, but sent together
	batch.Queue(staged(m.imported.ID, sqlStagingIntact)).QueryRow(func(row pgx.Row) error { return row.Scan(&there) })
	batch.Queue(staged(m.imported.ID, sqlMergeEdge), m.imported.MergedKey, size).QueryRow(func(row pgx.Row) error { return row.Scan(&middle) })
	batch.Queue(staged(m.imported.ID, sqlMergeEdge), m.imported.MergedKey, 2*size).QueryRow(func(row pgx.Row) error { return row.Scan(&edge) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	if !there {
		return nil, nil, ErrImportMoved
	}
	return middle, edge, nil
}

// spare returns a connection for a second range, nil when there is no such range or
// no connection.
func (m *merging) spare(ctx context.Context, second mergeRange) *pgxpool.Conn {
	if m.single || second.after == second.upto {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.spareWait)
	defer cancel()
	conn, err := m.store.pool.Acquire(ctx)
	if err != nil {
		return nil // what is wrong, if anything, shows with the connection that is there
	}
	return conn
}

// both merges a range on conn, and commits it, while it merges the one behind it
// in tx, of which it returns the import.
func (m *merging) both(ctx context.Context, conn *pgxpool.Conn, first mergeRange, tx pgx.Tx, second mergeRange) (Import, error) {
	var imported Import
	merged := make(chan error, 1)
	go func() {
		merged <- pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			if _, err := tx.Exec(ctx, sqlMergeImpatient); err != nil {
				return err
			}
			imported, err = m.merge(ctx, tx, first, func() error { return nil })
			return err
		})
	}()
	turn := sync.OnceValue(func() error {
		err := <-merged
		if err == nil {
			*m.imported = imported
		}
		return err
	})
	next, err := m.merge(ctx, tx, second, turn)
	return next, cmp.Or(turn(), err) // the first is never left behind
}

// merge merges a range, and when its turn comes, moves the import behind it.
func (m *merging) merge(ctx context.Context, tx pgx.Tx, r mergeRange, turn func() error) (Import, error) {
	found, err := m.found(ctx, tx, r)
	if err != nil {
		return Import{}, err
	}
	if err := turn(); err != nil {
		return Import{}, err
	}
	if err := m.imported.stands(ctx, tx, sqlImportHold); err != nil {
		return Import{}, err
	}
	next := *m.imported
	next.MergedKey = r.upto
	next.Counts.Steps++
	next.Counts.addMerged(found)
	return next, saveImport(ctx, tx, next)
}

// found merges a range and returns what it did, as an import of these rows alone
// would count it.
func (m *merging) found(ctx context.Context, tx pgx.Tx, r mergeRange) (ImportCounts, error) {
	i, merge := m.imported, sqlMerge
	if i.DryRun {
		merge = sqlMergeCheck
	}
	var c ImportCounts
	var rows, addresses int64
	batch := &pgx.Batch{} // one after the other, but sent together
	for _, statement := range []string{sqlErasureShare, sqlMergeByIndex, sqlUnhurried, sqlAwaitTurn} {
		batch.Queue(statement)
	}
	batch.Queue(staged(i.ID, merge), r.after, r.upto, m.now, i.ID, i.List, string(m.rule), r.seq).QueryRow(func(row pgx.Row) error {
		return row.Scan(&rows, &addresses, &c.SuppressOnly, &c.Forgotten, &c.Suppressed, &c.SamePerson, &c.New, &c.Joined, &c.Updated)
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return c, err
	}
	c.Unchanged = addresses - c.SuppressOnly - c.Forgotten - c.New - c.Updated
	c.Duplicate = rows - addresses
	return c, nil
}

// end ends an import of which everything is merged.
func (m *merging) end(ctx context.Context, tx pgx.Tx) (Import, error) {
	if err := m.imported.stands(ctx, tx, sqlImportHold); err != nil {
		return Import{}, err
	}
	next := *m.imported
	next.State = ImportDone
	if next.DryRun {
		next.State = ImportChecked
	}
	next.settle(m.now)
	if err := dropImportFiles(ctx, tx, next); err != nil {
		return Import{}, err
	}
	if _, err := tx.Exec(ctx, sqlImportsForget, m.now); err != nil {
		return Import{}, err
	}
	return next, saveImport(ctx, tx, next)
}
