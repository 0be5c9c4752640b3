package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headwaymail/headway/listhygiene/bounce"
)

const (
	// Outcomes of which none may be late: a division by zero ends the transaction when
	// something happened to a row since it was claimed, or the node was found dead.
	sqlRecordAll = sqlRecordAgain + sqlNoneLate

	// The same where nothing is to be tried again, as after acceptances.
	sqlRecordFinal = sqlRecord + `)` + sqlNoneLate

	sqlNoneLate = `
select 1 / (count(*) = cardinality($2::bigint[]))::int from recorded`
)

// recordPlain records a group whose outcomes cost no address anything, in one
// round trip: most groups are nothing but acceptances. It returns false, and has
// done nothing, when the group must be looked at row by row.
func (s *Store) recordPlain(ctx context.Context, outcomes []Outcome) (done bool, err error) {
	if slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Address.Kind != bounce.NoEffect }) {
		return false, nil
	}
	batch := &pgx.Batch{} // a transaction of its own
	for ledger, part := range byLedger(outcomes) {
		sql := sqlRecordFinal
		if slices.ContainsFunc(part, func(o Outcome) bool { return !o.To.Final() }) {
			sql = sqlRecordAll
		}
		batch.Queue(fmt.Sprintf(sql, ledgerTable(ledger)), recordColumns(part)...)
	}
	tallies := make([]tally, len(outcomes))
	for i, o := range outcomes {
		tallies[i] = o.tally()
	}
	queueUncounted(batch, tallies)
	queueAttempts(batch, outcomes)
	queueAbsolution(batch, outcomes)
	err = s.hot.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return conn.SendBatch(ctx, batch).Close() })
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == divisionByZero || pgErr.Code == undefinedTable) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("record %d outcomes: %w", len(outcomes), err)
	}
	return true, nil
}

const (
	divisionByZero = "22012"
	undefinedTable = "42P01" // the ledger was compacted meanwhile
)

// byLedger returns the outcomes of each ledger: nearly always there is one.
func byLedger(outcomes []Outcome) map[int32][]Outcome {
	parts := make(map[int32][]Outcome, 1)
	for _, o := range outcomes {
		parts[o.Ledger] = append(parts[o.Ledger], o)
	}
	return parts
}
