package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/address"
)

// row is a staged line: an address and its status, by line number from 1.
type row struct{ address, status, name string }

// begin stores an import of rows for a list and stages them.
func (w *world) begin(list string, rows ...row) Import {
	w.t.Helper()
	ctx := context.Background()
	id, err := w.AddImport(ctx, NewImport{List: list, FileName: "people.csv", Content: strings.NewReader("email"), At: w.now},
		func(*UploadFile) (json.RawMessage, error) { return []byte(`{}`), nil }, func(pgx.Tx, int64) error { return nil })
	w.must(err)
	i, err := w.Import(ctx, id)
	w.must(err)
	w.must(w.BeginStaging(ctx, &i))
	w.stage(&i, rows...)
	w.must(w.BeginMerging(ctx, &i, w.now))
	return i
}

func (w *world) stage(i *Import, rows ...row) {
	w.t.Helper()
	b := &StagedBatch{Next: PlaceOf(0, len(rows)+1), Rows: int64(len(rows))}
	for n, r := range rows {
		_, domain, _ := strings.Cut(r.address, "@")
		fields := "{}"
		if r.name != "" {
			fields = `{"name": "` + r.name + `"}`
		}
		key := strings.ToLower(r.address)
		b.Domains = append(b.Domains, domain)
		b.Add(StagedRow{Place: PlaceOf(0, n+1), Address: r.address, AddressKey: key, CanonicalKey: address.CanonicalKey(key),
			Domain: domain, Status: r.status, Fields: []byte(fields)})
	}
	w.must(w.StageBatch(context.Background(), i, b, nil))
}

// merge merges all rows in batches of a size.
func (w *world) merge(i *Import, size int) ImportCounts {
	w.t.Helper()
	for done := false; !done; {
		var err error
		done, err = w.MergeStep(context.Background(), i, MergeOverwrite, size, w.now)
		w.must(err)
	}
	i.Counts.Invalid, i.Counts.Risky, i.Counts.Steps = nil, nil, 0
	return i.Counts
}

// members returns the addresses of a list with their status.
func (w *world) members(list string) map[string]string {
	w.t.Helper()
	rows, err := w.pool.Query(context.Background(), `select c.address, m.status from list_members m join lists l on l.id = m.list_id
		join contacts c on c.id = m.contact_id where l.name = $1`, list)
	w.must(err)
	found := make(map[string]string)
	var address, status string
	_, err = pgx.ForEachRow(rows, []any{&address, &status}, func() error {
		found[address] = status
		return nil
	})
	w.must(err)
	return found
}

// The last line of an address decides, wherever batches begin and end, and
// whether or not the contact was there before.
func TestMergeLastLineWins(t *testing.T) {
	t.Parallel()
	rows := []row{
		{"ana@a.test", "unconfirmed", "Anna"}, {"ben@a.test", "subscribe", "Ben"}, {"old@a.test", "unconfirmed", "Older"},
		{"gone@a.test", "subscribe", ""}, {"back@a.test", "subscribe", ""},
		{"Ana@a.test", "subscribe", "Ana"}, {"old@a.test", "subscribe", "Old"},
		{"gone@a.test", "unsubscribed", ""}, {"back@a.test", "subscribe", ""},
	}
	w := newWorld(t)
	for _, size := range []int{1, 2, 4, 100} {
		w.empty()
		w.join("Others", "old@a.test", "gone@a.test")
		i := w.begin("Readers", rows...)
		counts := w.merge(&i, size)
		want := ImportCounts{Rows: 9, New: 3, Updated: 1, Duplicate: 4, SuppressOnly: 1, Joined: 4}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("batches of %d: %s", size, diff)
		}
		members := map[string]string{"Ana@a.test": "subscribed", "ben@a.test": "subscribed", "old@a.test": "subscribed", "back@a.test": "subscribed"}
		if diff := cmp.Diff(members, w.members("Readers")); diff != "" {
			t.Errorf("batches of %d: %s", size, diff)
		}
		if got := one[string](w, `select fields ->> 'name' from contacts where address_key = 'ana@a.test'`); got != "Ana" {
			t.Errorf("batches of %d: ana's name is %q", size, got)
		}
		if got := i.State; got != ImportDone {
			t.Errorf("the import is %s", got)
		}
	}
}

// An import never brings back who left.
func TestMergeKeepsWhoLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	ids := w.join("Readers", "left@a.test", "everywhere@a.test", "cleaned@a.test", "stays@a.test")
	id := w.launch("Readers")
	for n, contact := range ids[:2] {
		_, _, err := w.Unsubscribe(ctx, Unsubscribe{Campaign: id, Contact: contact, Everywhere: n == 1, At: w.now})
		w.must(err)
	}
	w.exec(`update contacts set status = 'cleaned' where id = $1`, ids[2])
	before := one[int](w, `select count(*) from suppressions`)
	i := w.begin("Readers", row{"left@a.test", "subscribe", ""}, row{"everywhere@a.test", "subscribe", ""},
		row{"cleaned@a.test", "subscribe", ""}, row{"stays@a.test", "subscribe", ""}, row{"new@a.test", "subscribe", ""})
	counts := w.merge(&i, 2)
	if want := (ImportCounts{Rows: 5, New: 1, Unchanged: 4, Joined: 1, Suppressed: 2}); !cmp.Equal(want, counts) {
		t.Errorf("counted %+v; want %+v", counts, want)
	}
	if n := one[int](w, `select count(*) from suppressions`); n != before {
		t.Errorf("of %d suppressions %d are left", before, n)
	}
	again := w.launch("Readers")
	provider := w.at("a.test")
	got := addresses(w.claim(again, provider, 1, 10))
	if diff := cmp.Diff([]string{"stays@a.test", "new@a.test"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMergeSuppressionsByStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.begin("Readers", row{"a@a.test", "unsubscribed", ""}, row{"b@a.test", "bounced", ""}, row{"c@a.test", "complained", ""},
		row{"d@a.test", "unconfirmed", ""}, row{"e@a.test", "subscribe", ""})
	counts := w.merge(&i, 10)
	if want := (ImportCounts{Rows: 5, New: 2, SuppressOnly: 3, Joined: 2}); !cmp.Equal(want, counts) {
		t.Errorf("counted %+v", counts)
	}
	got := one[string](w, `select string_agg(concat_ws(' ', key, reason, scope, canonical_key), ', ' order by key) from suppressions`)
	want := "a@a.test imported_suppression global a@a.test, b@a.test bounced global, c@a.test complained global c@a.test"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if diff := cmp.Diff(map[string]string{"d@a.test": "unconfirmed", "e@a.test": "subscribed"}, w.members("Readers")); diff != "" {
		t.Error(diff)
	}
}

// A crash of Postgres empties the staging table. The import notices, stages
// again and comes to the same figures: what was merged before stays counted.
func TestMergeAfterStagingWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	var rows []row
	for _, address := range readers(10, "a.test") {
		rows = append(rows, row{address, "subscribe", "R"})
	}
	i := w.begin("Readers", rows...)
	if done, err := w.MergeStep(ctx, &i, MergeOverwrite, 4, w.now); done || err != nil {
		t.Fatal(done, err)
	}
	if there, err := w.Staged(ctx, i.ID); !there || err != nil {
		t.Fatal("what was staged is gone:", there, err)
	}
	w.exec(fmt.Sprintf(`truncate import_rows_%d`, i.ID))
	i, err := w.Import(ctx, i.ID)
	w.must(err)
	if there, err := w.Staged(ctx, i.ID); there || err != nil {
		t.Fatal("the loss was not noticed:", there, err)
	}
	w.must(w.BeginStaging(ctx, &i))
	w.stage(&i, rows...)
	w.must(w.BeginMerging(ctx, &i, w.now))
	w.now = w.now.Add(1e9)
	counts := w.merge(&i, 4)
	if want := (ImportCounts{Rows: 10, New: 10, Joined: 10}); !cmp.Equal(want, counts) {
		t.Errorf("counted %+v; want %+v", counts, want)
	}
	if n := len(w.members("Readers")); n != 10 {
		t.Errorf("%d joined", n)
	}
}

// Two imports of the same people, in opposite order, at the same time.
func TestMergeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := readers(300, "a.test")
	var there, back []row
	for n := range names {
		there = append(there, row{names[n], "subscribe", "One"})
		back = append(back, row{names[len(names)-1-n], "subscribe", "Two"})
	}
	imports := []Import{w.begin("Readers", there...), w.begin("Readers", back...)}
	failed := make(chan error, len(imports))
	for n := range imports {
		go func() {
			for {
				done, err := w.MergeStep(context.Background(), &imports[n], MergeOverwrite, 50, noon.Add(1e9))
				if done || err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	for range imports {
		w.must(<-failed)
	}
	if n := len(w.members("Readers")); n != 300 {
		t.Errorf("%d joined", n)
	}
	joined := imports[0].Counts.Joined + imports[1].Counts.Joined
	made := imports[0].Counts.New + imports[1].Counts.New
	if joined != 300 || made != 300 {
		t.Errorf("%d were made and %d joined; want each of 300 once", made, joined)
	}
	w.unquarrelled()
}

// await waits until a question is answered with true, while a step that would end too
// early is under way.
func (w *world) await(question string, step <-chan error) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !one[bool](w, question); {
		select {
		case err := <-step:
			w.t.Fatalf("the step did not wait for the other: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			w.t.Fatal("the step does not wait for the other")
		}
	}
}

// A contact that somebody else makes while a step of a merge is about to make it
// is found when the step is done again, and neither lost nor doubled.
func TestMergeIsOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.join("Others", "ana@a.test")
	i := w.begin("Readers", row{"ben@a.test", "subscribe", "Ben"}, row{"cleo@a.test", "subscribe", ""}, row{"dan@a.test", "subscribe", ""})
	other, err := w.pool.Begin(ctx)
	w.must(err)
	defer func() { _ = other.Rollback(ctx) }() // after the commit nothing is left to roll back
	_, err = other.Exec(ctx, sqlEnsureContact, "cleo@a.test", "cleo@a.test", "cleo@a.test", "a.test", w.now)
	w.must(err)
	merged := make(chan error, 1)
	go func() {
		_, err := w.MergeStep(ctx, &i, MergeOverwrite, 10, w.now)
		merged <- err
	}()
	w.await(`select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%import_rows_%')`, merged)
	w.must(other.Commit(ctx))
	w.must(<-merged)
	counts := w.merge(&i, 10)
	if want := (ImportCounts{Rows: 3, New: 2, Unchanged: 1, Joined: 3}); !cmp.Equal(want, counts) {
		t.Errorf("counted %+v; want %+v", counts, want)
	}
	if n := len(w.members("Readers")); n != 3 {
		t.Errorf("%d joined", n)
	}
}

// Batches are stored by address, so that what is merged at one time lies together.
func TestStagedBatchIsSorted(t *testing.T) {
	t.Parallel()
	b := &StagedBatch{}
	for n, address := range []string{"c@a.test", "a@a.test", "b@a.test", "a@a.test"} {
		b.Add(StagedRow{Place: Place(n), Address: address, AddressKey: address, CanonicalKey: address, Domain: "a.test", Fields: []byte("{}"), Status: "subscribe"})
	}
	unsorted, err := io.ReadAll(b.copy())
	if err != nil {
		t.Fatal(err)
	}
	b.Sort()
	sorted, err := io.ReadAll(iotest.OneByteReader(b.copy()))
	if err != nil {
		t.Fatal(err)
	}
	if len(sorted) != len(unsorted) {
		t.Errorf("sorting %d bytes makes %d of them", len(unsorted), len(sorted))
	}
	last := -1
	for _, address := range []string{"a@a.test", "b@a.test", "c@a.test"} {
		at := bytes.LastIndex(sorted, []byte(address))
		if at <= last {
			t.Errorf("%s stands at %d, after %d", address, at, last)
		}
		last = at
	}
	if n := b.leaveOut(func(key, _ string) bool { return key == "a@a.test" }); n != 2 || b.Size() != 2 {
		t.Errorf("left out %d; %d are left", n, b.Size())
	}
}

// mergeTwo does a step of a merge that takes two ranges, however long the machine
// needs to open a second connection.
func (w *world) mergeTwo(i *Import, size int) (bool, error) {
	m := merging{store: w.Store, imported: i, rule: MergeOverwrite, now: w.now, spareWait: time.Minute}
	return m.run(context.Background(), size)
}

// Two ranges of a step are merged at one time, and neither waits for what the other
// holds until its end.
func TestMergeRangesSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var rows []row
	for _, address := range readers(20, "a.test") {
		rows = append(rows, row{address, "subscribe", "R"})
	}
	i := w.begin("Readers", rows...)
	if done, err := w.mergeTwo(&i, 4); done || err != nil {
		t.Fatal(done, err)
	}
	if n := one[int](w, `select count(*) from import_steps where import_id = $1 and cardinality(made) = 4`, i.ID); n != 2 {
		t.Errorf("%d ranges of 4 rows were merged, want 2", n)
	}
	if counts := w.merge(&i, 4); counts.New != 20 || counts.Joined != 20 {
		t.Errorf("counted %+v", counts)
	}
}

// Somebody who holds a contact of the first range and waits for one of the second
// is let through: the ranges are then merged as one after the other.
func TestMergeRangesCrossed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.join("Others", "ana@a.test", "dan@a.test")
	i := w.begin("Readers", row{"ana@a.test", "subscribe", "Ana"}, row{"ben@a.test", "subscribe", ""},
		row{"cleo@a.test", "subscribe", ""}, row{"dan@a.test", "subscribe", "Dan"})
	other, err := w.pool.Begin(ctx)
	w.must(err)
	defer func() { _ = other.Rollback(ctx) }() // after the commit nothing is left to roll back
	const touch = `update contacts set updated_at = updated_at where address_key = $1`
	_, err = other.Exec(ctx, touch, "ana@a.test")
	w.must(err)
	merged := make(chan error, 1)
	go func() {
		_, err := w.mergeTwo(&i, 2)
		merged <- err
	}()
	w.await(`select count(*) = 2 from pg_stat_activity where datname = current_database() and xact_start is not null
		and (wait_event_type = 'Lock' or state = 'idle in transaction') and query like '%import_rows_%'`, merged)
	_, err = other.Exec(ctx, touch, "dan@a.test") // waits for the second range
	w.must(err)
	w.must(other.Commit(ctx))
	w.must(<-merged)
	if counts, want := w.merge(&i, 2), (ImportCounts{Rows: 4, New: 2, Updated: 2, Joined: 4}); !cmp.Equal(want, counts) {
		t.Errorf("counted %+v; want %+v", counts, want)
	}
}
