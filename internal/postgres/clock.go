package postgres

import (
	"context"
	"fmt"
	"time"
)

const sqlClock = `select clock_timestamp()`

// Clock returns what the database's clock says. Statements do not go by it: the
// time that they compare with is a parameter.
func (s *Store) Clock(ctx context.Context) (at time.Time, err error) {
	if err := s.pool.QueryRow(ctx, sqlClock).Scan(&at); err != nil {
		return at, fmt.Errorf("clock of the database: %w", err)
	}
	return at, nil
}
