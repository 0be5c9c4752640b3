package service

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/listhygiene/corpustest"
)

// importer is a service on a database of its own, and a worker.
type importer struct {
	*Service
	t    *testing.T
	bulk *jobs.Bulk
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	ctx := t.Context()
	store := storetest.Open(t, 8)
	log := slog.New(slog.DiscardHandler)
	queue, err := jobs.NewQueue(store, log)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(ctx, store, queue, config.Config{Data: t.TempDir(), Sandbox: config.Sandbox{Enabled: true}}, log)
	if err != nil {
		t.Fatal(err)
	}
	return &importer{Service: s, t: t, bulk: &jobs.Bulk{Store: store, Log: log, Erased: s.ErasureHash}}
}

func (i *importer) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// take uploads a file and works it to its end.
func (i *importer) take(name, content string, o ImportOptions) postgres.Import {
	i.t.Helper()
	if o.List == "" {
		o.List = "Readers"
	}
	id, err := i.Upload(i.t.Context(), name, strings.NewReader(content), o)
	i.must(err)
	return i.work(id)
}

func (i *importer) work(id int64) postgres.Import {
	i.t.Helper()
	i.must(i.bulk.Import(i.t.Context(), id))
	done, err := i.Store.Import(i.t.Context(), id)
	i.must(err)
	return done
}

func (i *importer) number(sql string, args ...any) int {
	i.t.Helper()
	var n int
	i.must(i.Store.Pool().QueryRow(i.t.Context(), sql, args...).Scan(&n))
	return n
}

// counts compares figures; those that are not of interest are left out of want.
func (i *importer) counts(got postgres.Import, want postgres.ImportCounts) {
	i.t.Helper()
	ignored := cmpopts.IgnoreFields(postgres.ImportCounts{}, "Steps", "Risky", "Typos", "Undone")
	if diff := cmp.Diff(want, got.Counts, ignored, cmpopts.EquateEmpty()); diff != "" {
		i.t.Errorf("%s (-want +got):\n%s", got.FileName, diff)
	}
	c := got.Counts
	if sum := c.Merged() + c.Erased + c.Refused(); sum != c.Rows {
		i.t.Errorf("%s: %d rows, but %d in all outcomes", got.FileName, c.Rows, sum)
	}
}

const people = "email,name,city\nana@a.test,Ana,Köln\nben@b.test,Ben,\nno address,X,\nana@a.test,Anna,Bonn\n,Y,\n"

func TestDryRunSaysWhatTheImportDoes(t *testing.T) {
	t.Parallel()
	i := newImporter(t)
	i.take("before.csv", "email,name\nben@b.test,Old\nzoe@z.test,Zoe\n", ImportOptions{List: "Others"})
	before := i.number(`select count(*) from contacts`)
	checked := i.take("people.csv", people, ImportOptions{DryRun: true})
	want := postgres.ImportCounts{Rows: 5, New: 1, Updated: 1, Duplicate: 1, Joined: 2,
		Invalid: map[string]int64{"email_missing": 1, "syntax_no_at": 1}}
	i.counts(checked, want)
	if n := i.number(`select count(*) from contacts`); n != before || checked.State != postgres.ImportChecked {
		t.Errorf("the dry run is %s and left %d contacts of %d", checked.State, n, before)
	}
	if n := i.number(`select count(*) from lists where name = 'Readers'`); n != 0 {
		t.Error("the dry run made the list")
	}
	i.must(i.ImportChecked(t.Context(), checked.ID, "at the fair"))
	done := i.work(checked.ID)
	i.counts(done, want)
	if done.State != postgres.ImportDone || done.Consent != "at the fair" {
		t.Errorf("%+v", done)
	}
}

// What was refused, mended and imported again brings everybody in, with the
// columns that the file had.
func TestRejectsRoundTrip(t *testing.T) {
	t.Parallel()
	i := newImporter(t)
	file := "Email Address;First Name;MEMBER_RATING;LEID;EUID;Note\n" +
		"one@a.test;Ona;3;1;x;=SUM(A1)\n" +
		"two(at)a.test;Two;3;2;y;-5\n" +
		"three@@a.test;\"Th;ree\";3;3;z;+1 \"x\"\n"
	first := i.take("odd.csv", file, ImportOptions{})
	i.counts(first, postgres.ImportCounts{Rows: 3, New: 1, Joined: 1, Invalid: first.Counts.Invalid})
	if first.Counts.Refused() != 2 {
		t.Fatalf("%d were refused", first.Counts.Refused())
	}
	var rejected bytes.Buffer
	i.must(i.WriteRejects(t.Context(), first, &rejected))
	for line := range strings.Lines(rejected.String()) {
		for _, cell := range strings.Split(line, ",") {
			if strings.HasPrefix(cell, "-5") || strings.HasPrefix(cell, "+1") || strings.HasPrefix(cell, "=") {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	mended := strings.NewReplacer("two(at)a.test", "two@a.test", "three@@a.test", "three@a.test").Replace(rejected.String())
	again := i.take("rejected.csv", mended, ImportOptions{})
	i.counts(again, postgres.ImportCounts{Rows: 2, New: 2, Joined: 2})
	person, err := i.Contact(t.Context(), "three@a.test")
	i.must(err)
	want := map[string]string{"first_name": "Th;ree", "note": `+1 "x"`}
	if diff := cmp.Diff(want, person.Fields); diff != "" {
		t.Error(diff)
	}
}

func TestMailchimpArchive(t *testing.T) {
	t.Parallel()
	i := newImporter(t)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	const heading = "Email Address,First Name,LEID,EUID\n"
	for name, rows := range map[string]string{
		"subscribed_email_audience_export_1.csv":   "s@a.test,S,1,a\nbroken,B,1,a\n",
		"unsubscribed_email_audience_export_1.csv": "u@a.test,U,2,b\nhalf@,H,1,a\n",
		"cleaned_email_audience_export_1.csv":      "c@a.test,C,3,c\n",
		"readme.txt":                               "Thank you for your visit\n",
	} {
		f, err := w.Create(name)
		i.must(err)
		if name != "readme.txt" {
			rows = heading + rows
		}
		_, err = io.WriteString(f, rows)
		i.must(err)
	}
	i.must(w.Close())
	done := i.take("audience.zip", archive.String(), ImportOptions{})
	i.counts(done, postgres.ImportCounts{Rows: 5, New: 1, Joined: 1, SuppressOnly: 2, Invalid: done.Counts.Invalid})
	if n := i.number(`select count(*) from suppressions where key = 'c@a.test' and reason = 'bounced'
		or key = 'u@a.test' and reason = 'imported_suppression'`); n != 2 {
		t.Errorf("%d of 2 are suppressed", n)
	}
	// A mended row of a file of people who left does not subscribe them.
	var rejected bytes.Buffer
	i.must(i.WriteRejects(t.Context(), done, &rejected))
	mended := strings.NewReplacer("half@", "half@a.test", "broken", "whole@a.test").Replace(rejected.String())
	again := i.take("rejected.csv", mended, ImportOptions{})
	i.counts(again, postgres.ImportCounts{Rows: 2, New: 1, Joined: 1, SuppressOnly: 1})
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	i := newImporter(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(bytes.Repeat([]byte("x\n"), 12<<20))
	i.must(errors.Join(err, z.Close()))
	for name, content := range map[string]string{
		"empty.csv": "", "nul.csv": "email\na@a.test\x00\n", "nobody.csv": "name,city\nAna,Köln\n", "book.xls": "\xd0\xcf\x11\xe0",
		"damaged.gz": "\x1f\x8b\x08\x00", "large.csv": "email\n" + strings.Repeat("someone@a.test\n", 2000),
	} {
		_, err := i.Upload(t.Context(), name, strings.NewReader(content), ImportOptions{List: "Readers", Limit: 20_000})
		if !errors.Is(err, ErrUpload) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%-12s %v", name, err)
	}
	if n := i.number(`select count(*) from imports`) + i.number(`select count(*) from import_chunks`); n != 0 {
		t.Errorf("%d rows are left of what was refused", n)
	}
	if _, err := i.Upload(t.Context(), "bomb.gz", &bomb, ImportOptions{List: "Readers"}); !errors.Is(err, ErrUpload) {
		t.Errorf("a bomb: %v", err)
	}
}

// A text that was cut may read like a whole one.
func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	i := newImporter(t)
	cut := io.MultiReader(strings.NewReader("email\none@a.test\ntwo@a.te"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := i.Upload(t.Context(), "cut.csv", cut, ImportOptions{List: "Readers"}); !errors.Is(err, postgres.ErrBrokenOff) {
		t.Errorf("%v", err)
	}
	if n := i.number(`select count(*) from imports`) + i.number(`select count(*) from import_chunks`); n != 0 {
		t.Errorf("%d rows are left of what broke off", n)
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	i := newImporter(t)
	i.take("base.csv", "email,name\nold@a.test,Old\nkept@a.test,K\n", ImportOptions{})
	second := i.take("second.csv", "email,name\nold@a.test,Newer\nnew@a.test,N\nmailed@a.test,M\nleft@a.test,L\nshared@a.test,S\ngone@a.test,G\n",
		ImportOptions{})
	i.take("third.csv", "email\nshared@a.test\n", ImportOptions{})
	contact := func(address string) int64 {
		person, err := i.Contact(ctx, address)
		i.must(err)
		return person.ID
	}
	exec := func(sql string, args ...any) {
		_, err := i.Store.Pool().Exec(ctx, sql, args...)
		i.must(err)
	}
	exec(`create table deliveries_9 partition of deliveries for values in (9)`)
	exec(`insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, due_at, updated_at) values (9, 1, $1, 1, now(), now())`, contact("mailed@a.test"))
	exec(`update list_members set status = 'unsubscribed' where contact_id = $1`, contact("left@a.test"))
	_, err := i.Suppress(ctx, Suppressing{What: "gone@a.test", Note: "by phone"})
	i.must(err)

	want := postgres.UndoPlan{Contacts: 2, Memberships: 3, Fields: 1, KeptContacts: 3, KeptMemberships: 2}
	plan, err := i.UndoPlan(ctx, second.ID)
	i.must(err)
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Errorf("planned: %s", diff)
	}
	i.must(i.UndoImport(ctx, second.ID))
	done := i.work(second.ID)
	if diff := cmp.Diff(&postgres.UndoPlan{Contacts: 2, Memberships: 3, Fields: 1}, done.Counts.Undone); diff != "" {
		t.Errorf("done: %s", diff)
	}
	if done.State != postgres.ImportUndone {
		t.Errorf("it is %s", done.State)
	}
	old, err := i.Contact(ctx, "old@a.test")
	i.must(err)
	if old.Fields["name"] != "Old" || len(old.Lists) != 1 {
		t.Errorf("old is %+v", old)
	}
	for address, there := range map[string]bool{"new@a.test": false, "gone@a.test": false, "mailed@a.test": true, "left@a.test": true,
		"shared@a.test": true, "kept@a.test": true} {
		if _, err := i.Contact(ctx, address); errors.Is(err, postgres.ErrNotFound) == there {
			t.Errorf("%s: %v", address, err)
		}
	}
	if n := i.number(`select count(*) from suppressions where key = 'gone@a.test'`); n != 1 {
		t.Error("the undo lifted a suppression")
	}
	if err := i.UndoImport(ctx, second.ID); !errors.Is(err, postgres.ErrNotUndoable) {
		t.Errorf("undone twice: %v", err)
	}
}

// TestCorpora imports every file of other people's test data, or says why not.
func TestCorpora(t *testing.T) {
	t.Parallel()
	root := corpustest.Path(t, "csv")
	i := newImporter(t)
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(".csv.tsv.txt.gz.zip.xlsx.xls", filepath.Ext(path)) || filepath.Ext(path) == "" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		name := filepath.Base(path)
		outcome := i.corpusFile(name, content, nil)
		if strings.Contains(outcome, "no column holds") { // not about contacts: any column will do, each row is refused
			outcome = i.corpusFile(name, content, firstHeading(content))
		}
		t.Logf("%-34s %s", name, outcome)
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files: %v", files, err)
	}
}

func (i *importer) corpusFile(name string, content []byte, mapping map[string]string) string {
	i.t.Helper()
	id, err := i.Upload(i.t.Context(), name, bytes.NewReader(content), ImportOptions{List: name, Map: mapping})
	if errors.Is(err, ErrUpload) {
		return "refused: " + err.Error()
	}
	i.must(err)
	done := i.work(id)
	c := done.Counts
	if done.State != postgres.ImportDone || c.Merged()+c.Refused() != c.Rows {
		i.t.Errorf("%s is %s with %+v", name, done.State, c)
	}
	return fmt.Sprintf("%d rows, %d new, %d refused", c.Rows, c.New, c.Refused())
}

// firstHeading takes the first column for the addresses.
func firstHeading(content []byte) map[string]string {
	line, _, _ := strings.Cut(string(content), "\n")
	heading := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",;\t|\r", r) })
	if len(heading) == 0 {
		return nil
	}
	return map[string]string{"email": strings.Trim(strings.TrimPrefix(heading[0], "\ufeff"), `"`)}
}
