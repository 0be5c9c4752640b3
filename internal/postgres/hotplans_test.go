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
		{"their providers found", []string{`update deliveries set provider_id = domain_id`,
			`insert into mail_queue select campaign_id, provider_id, false, due_at, id, ledger_id, domain_id from deliveries`}},
		{"many contacts, lists and suppressions", []string{
			`insert into domains (name) select 'd' || k || '.test' from generate_series(1, 2000) k`,
			`insert into lists (name, created_at) select 'L' || k, now() from generate_series(1, 20) k`,
			`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
			 select a, a, a, 1 + k % 2000, now(), now(), now() from generate_series(1, 4000) k cross join lateral (select 'a' || k || '@d.test' as a) x`,
			`insert into list_members (list_id, contact_id, status, since) select 1 + id % 20, id, 'subscribed', now() from contacts`,
			`insert into suppressions (scope, kind, key, reason, created_at) select 'global', 'address', address_key, 'bounced', now() from contacts where id % 3 = 0`,
			`analyze domains, lists, contacts, list_members, suppressions, deliveries`}},
		{"several ledgers", []string{`create table deliveries_8 partition of deliveries for values in (8)`,
			`create table deliveries_9 partition of deliveries for values in (9)`}},
	} {
		for _, sql := range step.sql {
			if _, err := s.pool.Exec(ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
		for name, sql := range map[string]string{
			"claim": fmt.Sprintf(sqlClaim, "deliveries_7"), "peek": sqlPeek, "due": sqlDue, "any unknown domain": sqlAnyUnknownDomain, "record": fmt.Sprintf(sqlRecordEach, "deliveries"), "release": sqlRelease, "end claims": sqlEndClaims, "record all": fmt.Sprintf(sqlRecordAll, "deliveries_7"), "record final": fmt.Sprintf(sqlRecordFinal, "deliveries_7"), "lock paces": sqlLockPaces,
			"save paces": sqlSavePaces, "save learned paces": sqlSavePacesLearned, "change provider counters": sqlChangeProviderCounters,
			"change domain counters": sqlChangeDomainCounters, "lock provider counters": sqlLockProviderCounters, "lock domain counters": sqlLockDomainCounters,
			"absolve": sqlAbsolve, "drop pending suppressions": sqlDropPending,
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
// wanted, another index than the one in their order reads a whole campaign, and an
// index without a condition reads a whole table.
func unwanted(plan string) string {
	lines := strings.Split(plan, "\n")
	for i, line := range lines {
		for _, node := range []string{"Seq Scan", "Hash Join", "Merge Join", "Materialize"} {
			if strings.Contains(line, node) {
				return "a " + node
			}
		}
		if strings.Contains(line, "Sort ") && strings.HasPrefix(line, "          ") && !strings.Contains(line, "Sort Key") {
			return "a sort inside"
		}
		if !strings.Contains(line, "Scan using") && !strings.Contains(line, "Bitmap Index Scan") {
			continue
		}
		if strings.Contains(line, "deliveries_") && !strings.Contains(line, "_state_due_at_id_idx") && !strings.Contains(line, "_pkey") {
			return "another index than that of due deliveries"
		}
		if !strings.Contains(lines[i+1], "Index Cond: ") && !strings.Contains(line, "campaigns_live") {
			return "an index that is read from end to end"
		}
		if strings.Contains(line, "paces_pkey") && !strings.Contains(lines[i+1], "provider_id") {
			return "every pace"
		}
		if strings.Contains(line, " suppressions_") && !strings.Contains(lines[i+1], "key") {
			return "every suppression"
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
