package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What runs once a message or more finds its rows by index whatever is known of
// the tables: here they are empty and were never looked at by the planner, as
// the ledger of a campaign is in the moment of its launch.
func TestHotStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	for _, sql := range []string{`create table deliveries_7 partition of deliveries for values in (7)`,
		`create table deliveries_8 partition of deliveries for values in (8)`} {
		if _, err := s.pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	for name, sql := range map[string]string{
		"claim": sqlClaim, "peek": sqlPeek, "due": sqlDue, "record": sqlRecord, "lock paces": sqlLockPaces,
		"save paces": sqlSavePaces, "save learned paces": sqlSavePacesLearned, "change provider counters": sqlChangeProviderCounters,
		"change domain counters": sqlChangeDomainCounters, "lock provider counters": sqlLockProviderCounters, "lock domain counters": sqlLockDomainCounters,
	} {
		plan := hotPlan(t, s, sql)
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Hash Join") || strings.Contains(plan, "Merge Join") {
			t.Errorf("%s does not look up an index for each row:\n%s", name, plan)
		}
	}
}

// hotPlan returns the plan that a connection of the hot path makes for a statement.
func hotPlan(t *testing.T, s *Store, sql string) string {
	t.Helper()
	ctx := context.Background()
	parameters := 0
	for _, found := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		parameters = max(parameters, n)
	}
	conn, err := s.hot.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "prepare hot as "+sql); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	execute := "explain execute hot"
	if parameters > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("null,", parameters), ",") + ")"
	}
	rows, err := conn.Query(ctx, execute)
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "deallocate hot"); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
