package postgres

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The pages of contacts stay quick with many: members, searches and
// suppressions are found by index, never by a look at every row.
func TestContactPagesUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	for _, sql := range []string{
		`insert into domains (name) values ('a.test')`,
		`insert into lists (name, created_at) values ('News', now()), ('Other', now())`,
		`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
		 select a, a, a, 1, now(), now(), now() from (select md5(k::text) || '@a.test' as a from generate_series(1, 60000) k) x`,
		`insert into list_members (list_id, contact_id, status, since) select 1 + id % 2, id, 'subscribed', now() from contacts`,
		`insert into suppressions (scope, kind, key, reason, created_at)
		 select 'global', 'address', md5(k::text) || '@b.test', 'manual', now() from generate_series(1, 60000) k`,
		`analyze`,
	} {
		if _, err := s.pool.Exec(ctx, sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	for name, test := range map[string]struct {
		sql  string
		args []any
		want string
		not  string
	}{
		"members":             {sqlMembers, []any{int64(1), int64(30000), "", "", membersLooked, 101}, "list_members_", "Seq Scan on list_members"},
		"members by address":  {sqlMembersNamed, []any{int64(1), prefix("abc"), "", "", membersLooked, 101}, "contacts_", "Seq Scan"},
		"search":              {sqlContactsNamed, []any{prefix("abc"), 50}, "contacts_", "Seq Scan"},
		"suppressions":        {sqlSuppressionPage, []any{int64(40000), "", "", "", membersLooked, 101}, "suppressions_pkey", "Seq Scan on suppressions"},
		"suppressions search": {sqlSuppressionNamed, []any{prefix("abc"), "", "", "", membersLooked, 101}, "suppressions_", "Seq Scan on suppressions"},
		"lifts":               {sqlLiftsOf, []any{"a@b.test"}, "suppression_lifts", ""},
	} {
		var plan strings.Builder
		rows, err := s.pool.Query(ctx, `explain `+test.sql, test.args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(line + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(plan.String(), test.want) || test.not != "" && strings.Contains(plan.String(), test.not) {
			t.Errorf("%s: wants %s, and no %s:\n%s", name, test.want, test.not, plan.String())
		}
	}
}

// A step of a merge looks up contacts, members and domains by index, whether or
// not the planner knows how many there are, and never reads all of them.
func TestMergeUsesIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 20_000, "a.test")
	var rows []row
	for _, address := range readers(500, "a.test") {
		rows = append(rows, row{address, "subscribe", "Changed"})
	}
	i := w.begin("Readers", rows...)
	scan := regexp.MustCompile(`Scan.* on (contacts|list_members|domains|suppressions)\b`)
	for _, known := range []string{"nothing", "all"} {
		if known == "all" {
			w.exec(`analyze`)
		}
		w.must(w.InTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, sqlMergeByIndex); err != nil {
				return err
			}
			lines, err := tx.Query(ctx, "explain (costs off) "+staged(i.ID, sqlMerge), "", "zzz", w.now, i.ID, i.List, string(MergeOverwrite), 1)
			if err != nil {
				return err
			}
			plan, err := pgx.CollectRows(lines, pgx.RowTo[string])
			if err != nil {
				return err
			}
			for n, line := range plan {
				if scan.MatchString(line) && (n+1 == len(plan) || !strings.Contains(plan[n+1], " Cond: ")) {
					t.Errorf("knowing %s, the planner reads all rows:\n%s", known, strings.Join(plan, "\n"))
					break
				}
			}
			return nil
		}))
	}
}
