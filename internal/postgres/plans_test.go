package postgres

import (
	"context"
	"strings"
	"testing"
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
