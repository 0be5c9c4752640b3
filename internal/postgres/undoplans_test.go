package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What undoing a step reads stays in proportion to its contacts, although a later
// import found the same ones.
func TestUndoReadsEachOnce(t *testing.T) {
	t.Parallel()
	const size, most = 4000, 40 // rows that pass through all nodes of a plan, for each contact
	w := newWorld(t)
	ctx := context.Background()
	rows := make([]row, size)
	for n := range rows {
		rows[n] = row{address: fmt.Sprintf("reader%d@a.test", n), status: "subscribe"}
	}
	first := w.begin("Readers", rows...)
	w.merge(&first, size)
	second := w.begin("Others", rows[:size/2]...)
	w.merge(&second, size)
	seq := one[int](w, `select min(seq) from import_steps where import_id = $1`, first.ID)
	for _, known := range []string{"nothing", "all"} {
		if known == "all" {
			w.exec(`analyze`)
		}
		found, err := w.pool.Query(ctx, `explain (analyze, timing off) `+sqlUndoPlan, first.ID, seq)
		w.must(err)
		plan, err := pgx.CollectRows(found, pgx.RowTo[string])
		w.must(err)
		if n := passed(plan); n > most*size {
			t.Errorf("knowing %s, it passes %d rows for %d contacts:\n%s", known, n, size, strings.Join(plan, "\n"))
		}
	}
	plan, err := w.UndoPlan(ctx, first.ID)
	w.must(err)
	if want := (UndoPlan{Contacts: size / 2, Memberships: size, KeptContacts: size / 2}); plan != want {
		t.Errorf("undoing means %+v, want %+v", plan, want)
	}
}
