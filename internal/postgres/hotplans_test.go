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
// the tables.
func TestHotStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	for _, step := range []struct {
		name string
		sql  []string
	}{
		{"a new ledger", []string{`create table deliveries_7 partition of deliveries for values in (7)`}},
		{"rows without a provider, as just after a launch", []string{`insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, due_at, updated_at)
		 select 7, 1, k, k % 200, now(), now() from generate_series(1, 5000) k`, `analyze deliveries_7`}},
		{"their providers found", []string{`update deliveries set provider_id = domain_id`}},
		{"several ledgers", []string{`create table deliveries_8 partition of deliveries for values in (8)`,
			`create table deliveries_9 partition of deliveries for values in (9)`}},
	} {
		for _, sql := range step.sql {
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
			if problem := unwanted(plan); problem != "" {
				t.Errorf("%s: %s has %s:\n%s", step.name, name, problem, plan)
			}
		}
	}
}

// unwanted says what in a plan would read more than an index entry for each row
// that is wanted; empty when nothing does. Where the first due deliveries are
// wanted, another index than the one in their order reads a whole campaign.
func unwanted(plan string) string {
	for line := range strings.Lines(plan) {
		for _, node := range []string{"Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan"} {
			if strings.Contains(line, node) {
				return "a " + node
			}
		}
		if strings.Contains(line, "Scan using") && strings.Contains(line, " on deliveries_") &&
			!strings.Contains(line, "_state_due_at_id_idx") && !strings.Contains(line, "_pkey") {
			return "another index than that of due deliveries"
		}
	}
	return ""
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
