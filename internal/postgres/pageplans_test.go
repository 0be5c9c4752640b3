package postgres

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

var update = flag.Bool("update", false, "write the golden files of plans anew")

// pageQueries are what pages ask while somebody waits. What looks at every row is
// made in the background and not among them; see internal/service/slow.go.
func pageQueries(of BenchSubjects, ledger int32, now time.Time) map[string]struct {
	sql  string
	args []any
} {
	type query = struct {
		sql  string
		args []any
	}
	return map[string]query{
		"campaigns":                 {sqlCampaignsBefore, []any{int64(1) << 62, 51}},
		"campaign":                  {sqlCampaign, []any{of.Large}},
		"campaign: providers":       {sqlProviderCounters, []any{of.Large}},
		"campaign: events":          {sqlEvents, []any{of.Large, 30}},
		"campaign: changes of pace": {sqlCampaignPaceEvents, []any{of.Large, 150}},
		"campaigns under way":       {sqlLiveCampaigns, nil},
		"warnings":                  {sqlWarnings, []any{now.AddDate(0, 0, -7), 20}},
		"waiting":                   {sqlWaiting, nil},
		"waiting of a provider":     {sqlWaitingOf, []any{of.Provider}},
		"loads of a provider":       {sqlLoadsOf, []any{of.Provider}},
		"recent":                    {sqlRecentMinutes, []any{now.Add(-time.Hour)}},
		"recent of a provider":      {sqlRecentOf, []any{of.Provider, now.Add(-time.Hour)}},
		"changes of pace":           {sqlPaceEvents, []any{of.Provider, int64(0), 400}},
		"last measured":             {sqlLastMeasured, []any{of.Provider}},
		"recipients":                {sqlRecipients, []any{of.Large, int64(1000), 101, ledger}},
		"recipients by address":     {sqlRecipientsNamed, []any{of.Large, int64(0), 101, ledger, []int64{of.Contact}}},
		"recipients: bounced":       {sqlRecipientsFailed, []any{of.Large, int64(0), 101, ledger, "bounced"}},
		"recipients: in doubt":      {sqlRecipientsFailed, []any{of.Large, int64(0), 101, ledger, "in_doubt"}},
		"due later":                 {sqlDueLater, []any{of.Large, dueLooked}},
		"what readers did":          {sqlCampaignEngagement, []any{of.Large}},
		"links":                     {sqlLinks, []any{of.Large}},
		"contact":                   {sqlPerson, []any{of.Suppressed}},
		"contact: lists":            {sqlPersonLists, []any{of.Contact}},
		"contact: timeline":         {sqlPersonDeliveries, []any{of.Contact, 200}},
		"contact: suppressions":     {sqlSuppressionsOf, []any{of.Suppressed, of.Suppressed, "a.test"}},
		"contacts by address":       {sqlContactsNamed, []any{prefix("anna"), 50}},
		"members":                   {sqlMembers, []any{of.List, int64(500), "", "", 101, 101}},
		"members by address":        {sqlMembersNamed, []any{of.List, prefix("anna"), "", "", membersLooked, 101}},
		"suppressions":              {sqlSuppressionPage, []any{int64(1) << 62, "", "", "", membersLooked, 101}},
		"suppressions by address":   {sqlSuppressionNamed, []any{prefix("anna"), "", "", "", membersLooked, 101}},
		"readers of a draft":        {sqlReaders, []any{of.Large, 500}},
		"newest verification":       {sqlNewestVerification, []any{of.List, int64(0)}},
		"imports":                   {sqlImportNewest, []any{100}},
		"queue":                     {sqlQueue, []any{of.Large, 300}},
		"queue: age":                {sqlQueueAge, []any{of.Large}},
		"events":                    {sqlAllEvents, []any{int64(1) << 62, 120}},
		"events: changes of pace":   {sqlAllPaceEvents, []any{int64(1) << 62, 120}},
		"conversation":              {sqlConversation, []any{of.Large}},
	}
}

// bigTables have so many rows that no page reads one from end to end.
var bigTables = regexp.MustCompile(`Seq Scan on (deliveries|attempts|contacts|list_members|campaign_providers|campaign_domains|provider_minutes|pace_events|engagements|suppressions|domains|campaign_events|campaign_links|import_rejects|import_steps)`)

// The plans of page queries stay as they are: every big table is found by an
// index, by the columns that the golden file names. Small tables make the planner
// read them whole; here that costs more than anything, as it would with millions.
// `-update` writes the file anew, to be looked at.
func TestPagePlans(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	b := seedSmall(t, s)
	of, err := s.BenchSubjects(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := s.ledgerOf(ctx, of.Large)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `select set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),
		set_config('max_parallel_workers_per_gather', '0', false), set_config('enable_memoize', 'off', false)`); err != nil {
		t.Fatal(err)
	}
	var golden strings.Builder
	queries := pageQueries(of, ledger, b.Now)
	names := make([]string, 0, len(queries))
	for name := range queries {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows, err := conn.Query(ctx, "explain (costs off) "+queries[name].sql, queries[name].args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, line := range plan { // a bitmap of all rows is the same by another name
			if bigTables.MatchString(line) {
				t.Errorf("%s reads a big table from end to end:\n%s", name, strings.Join(plan, "\n"))
			}
		}
		fmt.Fprintf(&golden, "%s\n", name)
		for _, line := range accesses(plan) {
			fmt.Fprintf(&golden, "  %s\n", line)
		}
	}
	compareGolden(t, "page_plans.txt", golden.String())
}

var (
	scanLine    = regexp.MustCompile(`Index (?:Only )?Scan(?: Backward)? (?:using|on) (\S+)`)
	partitionOf = regexp.MustCompile(`_\d{4}_\d{2}|_\d+`)
	condColumn  = regexp.MustCompile(`\(*([a-z_]+\.)?([a-z_]+)\)? (?:=|<|>|<=|>=|~~|~>=~|~<~)`)
)

// accesses says which indexes a plan uses, and by which of their columns; those of
// partitions once, whatever their number. An index that is read "in order" ends
// where enough was found, or belongs to a small table.
func accesses(plan []string) []string {
	var found []string
	for i, line := range plan {
		scan := scanLine.FindStringSubmatch(line)
		if scan == nil {
			continue
		}
		columns := "in order"
		if i+1 < len(plan) && strings.Contains(plan[i+1], "Index Cond: ") {
			var by []string
			for _, c := range condColumn.FindAllStringSubmatch(plan[i+1], -1) {
				if !slices.Contains(by, c[2]) {
					by = append(by, c[2])
				}
			}
			columns = "by " + strings.Join(by, ", ")
		}
		access := partitionOf.ReplaceAllString(scan[1], "_N") + " " + columns
		if !slices.Contains(found, access) {
			found = append(found, access)
		}
	}
	slices.Sort(found)
	return found
}

// compareGolden compares a text with a file of testdata, or writes it.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(want), got); difference != "" {
		t.Errorf("plans have changed; look at them, then -update (-want +got):\n%s", difference)
	}
}
