package service

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

// What is exported can be imported into another database, and says the same.
func TestSuppressionsRoundTrip(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	i, other := newImporter(t), newImporter(t)
	for _, s := range []*importer{i, other} {
		s.must(s.CreateList(ctx, "News"))
	}
	for _, w := range []Suppressing{
		{What: "Ana@Example.org", Note: "=asked by phone"},
		{What: "@example.net", Expires: time.Now().Add(90 * 24 * time.Hour)},
		{What: "ben@example.org", Reason: listhygiene.Bounced},
		{What: "carl+x@gmail.com", Reason: listhygiene.Unsubscribed, List: "News"},
	} {
		if added, err := i.Suppress(ctx, w); !added || err != nil {
			t.Fatalf("%s: %v, %v", w.What, added, err)
		}
		if added, err := i.Suppress(ctx, w); added || err != nil {
			t.Fatalf("%s twice: %v, %v", w.What, added, err)
		}
	}
	var file bytes.Buffer
	i.must(i.ExportSuppressions(ctx, postgres.SuppressionFilter{}, &file))
	report, err := other.ImportSuppressions(ctx, strings.NewReader(file.String()), Suppressing{})
	other.must(err)
	if report.Added != 4 || len(report.Refused) != 0 {
		t.Errorf("%+v", report)
	}
	const canonical = `select count(*) from suppressions where canonical_key is not null and scope = 'list'
		and canonical_key = 'carl@gmail.com' or key = 'ben@example.org' and canonical_key is null`
	if n := other.number(canonical); n != 2 {
		t.Errorf("%d of 2 have the right keys", n)
	}
	var again bytes.Buffer
	other.must(other.ExportSuppressions(ctx, postgres.SuppressionFilter{}, &again))
	withoutSince := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			cells := strings.Split(line, ",")
			b.WriteString(strings.Join(append(cells[:5:5], cells[6:]...), ","))
		}
		return b.String()
	}
	for _, line := range strings.Split(withoutSince(file.String()), "\n") {
		if !strings.Contains(withoutSince(again.String()), line) {
			t.Errorf("%q is missing in\n%s", line, again.String())
		}
	}
}

func TestLift(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	i := newImporter(t)
	i.take("people.csv", "email\nana@a.test\nben@a.test\n", ImportOptions{})
	for what, reason := range map[string]listhygiene.SuppressionReason{"ana@a.test": listhygiene.Unsubscribed, "ben@a.test": listhygiene.Complained} {
		_, err := i.Suppress(ctx, Suppressing{What: what, Reason: reason})
		i.must(err)
	}
	if err := i.Lift(ctx, Lifting{What: "ana@a.test"}); !errors.Is(err, ErrSuppression) {
		t.Errorf("without a note: %v", err)
	}
	i.must(i.Lift(ctx, Lifting{What: "ana@a.test", Note: "signed up again"}))
	if err := i.Lift(ctx, Lifting{What: "ana@a.test", Note: "again"}); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	if err := i.Lift(ctx, Lifting{What: "ben@a.test", Note: "please"}); !errors.Is(err, postgres.ErrNotLiftable) {
		t.Errorf("a complaint: %v", err)
	}
	if n := i.number(`select count(*) from suppression_lifts where note = 'signed up again'`); n != 1 {
		t.Errorf("%d notes", n)
	}
	// No import lifts anything.
	done := i.take("again.csv", "email\nben@a.test\n", ImportOptions{})
	i.counts(done, postgres.ImportCounts{Rows: 1, Unchanged: 1, Suppressed: 1})
}

// A person who was erased is not known any more, and no spelling of the address
// comes back with an import.
func TestErase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	i := newImporter(t)
	i.take("people.csv", "email,name\nana.b+news@gmail.com,Ana\nben@a.test,Ben\n\"x ana.b+news@gmail.com, y\",Bad\n", ImportOptions{})
	_, err := i.Suppress(ctx, Suppressing{What: "ana.b+news@gmail.com"})
	i.must(err)
	known, err := i.Erase(ctx, "Ana.B+news@gmail.com")
	i.must(err)
	if !known {
		t.Error("she was not known")
	}
	for _, table := range []string{"contacts", "suppressions", "import_rejects", "import_steps", "imports", "erasures"} {
		if n := i.number(`select count(*) from ` + table + ` x where x::text ilike '%ana.b%'`); n != 0 {
			t.Errorf("%s still names her", table)
		}
	}
	if n := i.number(`select count(*) from list_members m where not exists (select from contacts c where c.id = m.contact_id)`); n != 0 {
		t.Errorf("%d memberships of nobody", n)
	}
	done := i.take("again.csv", "email\nana.b+news@gmail.com\nANAB@googlemail.com\nben@a.test\n", ImportOptions{})
	i.counts(done, postgres.ImportCounts{Rows: 3, Erased: 2, Unchanged: 1})
	if known, err := i.Erase(ctx, "nobody@a.test"); known || err != nil {
		t.Errorf("nobody: %v, %v", known, err)
	}
}
