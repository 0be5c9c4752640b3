package web

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/internal/jobs"
)

// The path of who imports and verifies lists: a dirty list through the wizard,
// its rejected rows mended and uploaded again, a look at a contact, who is
// suppressed and taken in again.
func TestListsInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	work := func(id int64) {
		t.Helper()
		if err := (&jobs.Bulk{Store: b.store}).Import(context.Background(), id); err != nil {
			t.Fatal(err)
		}
	}
	visit := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	click := func(id, then string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID(id)))); err != nil {
			t.Fatal(err)
		}
		b.until(ctx, then)
	}
	shown := func(text string) string { return `document.body.innerText.includes("` + text + `")` }
	upload := func(path string, columns string) {
		t.Helper()
		visit(chromedp.Navigate(b.site.URL + "/imports/new"))
		visit(chromedp.SetUploadFiles(chromedp.ID("file"), []string{path}))
		click("do-upload", `!!document.getElementById("do-check")`)
		b.until(ctx, columns)
		visit(chromedp.SendKeys(chromedp.ID("list"), "Fair"))
		click("do-check", `location.pathname.match(/imports.\d+$/) !== null`)
	}
	upload(file("dirty.csv", "Email;First name\nana@example.org;Ana\nbob.example.org;Bob\ncy@@example.org;Cy\nana@example.org;Ana\n"), shown("semicolons"))
	work(1)
	visit(chromedp.Navigate(b.site.URL + "/imports/1"))
	b.until(ctx, shown("The first of each kind"))
	click("do-import", `!document.getElementById("do-import")`)
	work(1)
	visit(chromedp.Navigate(b.site.URL + "/imports/1"))
	b.until(ctx, `!!document.getElementById("to-rejected")`)
	if n := b.number(`select count(*) from import_rejects`); n != 2 {
		t.Fatalf("%d rows were refused", n)
	}
	upload(file("mended.csv", "Email;First name\nbob@example.org;Bob\ncy@example.org;Cy\n"), shown("bob@example.org"))
	work(2)
	visit(chromedp.Navigate(b.site.URL + "/imports/2"))
	click("do-import", `!document.getElementById("do-import")`)
	work(2)
	visit(chromedp.Navigate(b.site.URL + "/lists"))
	click("list-1", `!!document.getElementById("do-verify")`)
	click("do-verify", shown("Waiting to be verified"))
	visit(chromedp.Navigate(b.site.URL + "/contacts?q=bob@example.org"))
	b.until(ctx, `!!document.getElementById("ask-suppress")`)
	click("ask-suppress", `!!document.getElementById("do-suppress")`)
	visit(chromedp.SendKeys(chromedp.ID("note"), "rang us"))
	click("do-suppress", shown("rang us"))
	click("lift-1", `!!document.getElementById("do-lift")`)
	visit(chromedp.SendKeys(chromedp.ID("note"), "signed up again"))
	click("do-lift", shown("signed up again"))
	if n := b.number(`select count(*) from suppressions`); n != 0 {
		t.Errorf("%d suppressions are left", n)
	}
}

// hygiene adds what the pages of contacts show: a suppression, a segment, an
// upload that waits for its columns and one that was checked.
func (b *bundle) hygiene() {
	b.Helper()
	b.exec(`update contacts set fields = '{"first_name": "Ann", "city": "Oslo"}' where id = 7`)
	b.post("/contacts/7/suppress", "note=rang+us+and+asked+never+to+be+mailed+again")
	b.exec(`insert into suppressions (scope, kind, key, reason, evidence, created_at)
	        values ('global', 'address', 'old@gone.test', 'bounced', '{"reply": "550 5.1.1 no such user here"}', now() - interval '9 days')`)
	b.post("/segments", "name=Readers+in+Oslo&do=save&match-0=all&subject-0-0=field&name-0-0=city&op-0-0=is&value-0-0=Oslo&match-1=any"+
		"&subject-1-0=status&op-1-0=is&value-1-0=active&subject-1-1=delivered&op-1-1=within&value-1-1=90")
	body, kind := fileForm(b.T, "Email,First name,City\nana@example.org,Ana,Oslo\nbroken,B,Bergen\ninfo@example.org,,Oslo\nana@example.org,Ana,Oslo\n", "step", "columns")
	b.post("/imports", body, "Content-Type", kind)
	body, kind = fileForm(b.T, "Email,First name,City\nana@example.org,Ana,Oslo\nbroken,B,Bergen\ninfo@example.org,,Oslo\nana@example.org,Ana,Oslo\nbo@gmial.com,,\n", "list", "Fair", "check", "yes")
	b.post("/imports", body, "Content-Type", kind)
	if err := (&jobs.Bulk{Store: b.store}).Import(context.Background(), 5); err != nil {
		b.Fatal(err)
	}
}
