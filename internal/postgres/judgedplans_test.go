package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// What a batch of a launch reads stays in proportion to its contacts, whatever
// the planner knows: nothing of the tables, that they were small, or all.
func TestRangeIsReadOnce(t *testing.T) {
	t.Parallel()
	const size, most = 5000, 40 // rows that pass through all nodes of a plan, for each contact
	w := newWorld(t)
	ctx := context.Background()
	fill := func(n int) {
		w.crowd("Readers", n, "a.test", "b.test")
		w.exec(`insert into suppressions (scope, kind, key, canonical_key, reason, created_at)
		        select 'global', 'address', 'gone' || c.address_key, case when c.id % 2 = 0 then 'gone' || c.canonical_key end, 'bounced', $1 from contacts c
		        on conflict do nothing`, w.now)
		w.exec(`insert into suppressions (scope, kind, key, reason, created_at)
		        select 'global', 'address', c.address_key, 'bounced', $1 from contacts c where c.id % 5 = 0 on conflict do nothing`, w.now)
	}
	w.exec(`insert into suppressions (scope, kind, key, reason, created_at) values ('global', 'domain', 'b.test', 'manual', $1)`, w.now)
	steps := []struct {
		name string
		do   func()
	}{
		{"nothing", func() { fill(10_000) }},
		{"that there were few", func() {
			w.exec(`truncate contacts, list_members, suppressions cascade`)
			w.exec(`analyze`)
			fill(10_000)
		}},
		{"all", func() { w.exec(`analyze`) }},
	}
	for _, step := range steps {
		step.do()
		id := w.draft("Readers")
		w.change(id, campaign.Launch)
		w.must(w.OpenLedger(ctx, id, w.now))
		after := one[int64](w, `select max(id) - 8000 from contacts`)
		err := w.InTx(ctx, func(tx pgx.Tx) error {
			c, err := chooseRange(ctx, tx, id, after, after+size, w.now, w.now)
			if err != nil {
				return err
			}
			doubtful := append(append(c.suppressed, c.unsubscribed...), c.unconfirmed...)
			ledger := one[int32](w, `select ledger_id from campaigns where id = $1`, id)
			for _, s := range []struct {
				name, sql string
				whole     bool
				args      []any
			}{
				{"doubtful", sqlDoubtful, false, []any{id, after, after + size, w.now, c.include}},
				{"set apart", sqlSetApart, false, []any{w.now, id, after, after + size, doubtful}},
				{"audience", sqlAudience, true, c.args()},
				{"batch", sqlLaunchBatch, true, append(c.args(), ledger, probationDue)},
			} {
				if s.whole {
					if _, err := tx.Exec(ctx, sqlJoinWhole); err != nil {
						return err
					}
				}
				rows, err := tx.Query(ctx, `explain (analyze, timing off) `+s.sql, s.args...)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				if n := passed(plan); n > most*size {
					t.Errorf("knowing %s, %s passes %d rows for %d contacts:\n%s", step.name, s.name, n, size, strings.Join(plan, "\n"))
				}
			}
			return nil
		})
		w.must(err)
	}
}

var (
	planRows    = regexp.MustCompile(`actual rows=(\d+) loops=(\d+)`)
	planRemoved = regexp.MustCompile(`Rows Removed by .*: (\d+)`)
)

// passed returns how many rows all nodes of an analysed plan returned or threw
// away.
func passed(plan []string) (sum int) {
	loops := 0
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			panic(err) // the expression matches digits only
		}
		return n
	}
	for _, line := range plan {
		if found := planRows.FindStringSubmatch(line); found != nil {
			loops = number(found[2])
			sum += number(found[1]) * loops
		} else if found := planRemoved.FindStringSubmatch(line); found != nil {
			sum += number(found[1]) * loops
		}
	}
	return sum
}
