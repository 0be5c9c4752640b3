package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// autosaves posts what was written of a revision, as the script does.
func (b *bundle) autosaves(path, revision, body string) (autosaved, int) {
	b.Helper()
	a := b.post(path, newsletter("revision", revision, "body", body).Encode())
	var answer autosaved
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
		b.Fatalf("%s: %v\n%s", a.Status, err, a.body)
	}
	return answer, a.StatusCode
}

func TestNobodyIsOverwrittenUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, status := b.autosaves("/campaigns/autosave", "", "Hello")
	if status != http.StatusOK || first.ID == 0 || first.Revision != 1 {
		t.Fatalf("%d %+v", status, first)
	}
	const path = "/campaigns/1"
	b.contains(b.get(path+"/edit"), `name="revision" value="1"`, "Last saved", "autosave.js")
	second, _ := b.autosaves(path+"/autosave", "1", "Hello all")
	if second.Revision != 2 {
		t.Fatalf("%+v", second)
	}
	if same, _ := b.autosaves(path+"/autosave", "2", "Hello all"); same.Revision != 2 {
		t.Errorf("a save without a change counts as one: %+v", same)
	}
	b.exec(`update campaigns set edited_by = 'Cleo'`)
	late, status := b.autosaves(path+"/autosave", "1", "Hello nobody")
	if status != http.StatusConflict || !strings.Contains(late.Words, "Cleo saved this newsletter{time}") {
		t.Errorf("%d %+v", status, late)
	}
	form := newsletter("revision", "1", "body", "Mine and <only> mine")
	a := b.post(path+"/edit", form.Encode())
	if a.StatusCode != http.StatusConflict {
		t.Errorf("a late save without scripts: %s", a.Status)
	}
	b.contains(a, "Cleo saved it at", "Mine and &lt;only&gt; mine", `name="revision" value="2"`, "Save mine instead")
	b.contains(b.get(path+"/edit"), "Hello all")
	form.Set("revision", "2")
	if a := b.post(path+"/edit", form.Encode()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("saved knowingly: %s", a.Status)
	}
	b.contains(b.get(path+"/edit"), "Mine and &lt;only&gt; mine", `value="3"`)

	long, status := b.autosaves(path+"/autosave", "3", strings.Repeat("leaf ", 120_000))
	if status != http.StatusUnprocessableEntity || !strings.Contains(long.Words, "too long") {
		t.Errorf("600 KB: %d %+v", status, long)
	}
	b.exec(`update campaigns set state = 'cancelled'`)
	if over, status := b.autosaves(path+"/autosave", "3", "x"); status != http.StatusConflict || !strings.Contains(over.Words, "not a draft any more") {
		t.Errorf("%d %+v", status, over)
	}
	if n := b.number(`select count(*) from audit_log where action in ('campaign.create', 'campaign.edit')`); n != 2 {
		t.Errorf("%d lines in the audit log; a sitting is one, taking over from somebody another", n)
	}
}

func TestAutosaveInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	write := func(id, text string) {
		t.Helper()
		do(chromedp.SendKeys(chromedp.ID(id), text))
	}
	click := func(id string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID(id)))); err != nil {
			t.Fatal(err)
		}
	}
	do(chromedp.Navigate(b.site.URL + "/campaigns/new"))
	write("subject", "Leaves")
	b.until(ctx, `document.getElementById("saved-at").textContent.match(/^Saved \d\d:\d\d$/) && location.pathname === "/campaigns/1/edit"`)
	write("body", "Hello")
	b.until(ctx, `document.getElementById("compose").elements.revision.value === "2"`)
	write("body", " all")
	do(chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new KeyboardEvent("keydown", {key: "s", ctrlKey: true}))`))
	b.until(ctx, `document.getElementById("compose").elements.revision.value === "3"`)
	if n := b.number(`select count(*) from campaigns where name = 'Leaves' and content ->> 'markdown' = 'Hello all'`); n != 1 {
		t.Errorf("%d drafts hold what was written", n)
	}

	b.exec(`update campaigns set revision = 4, edited_by = 'Cleo', content = content || '{"markdown": "Cleo was here"}'`)
	write("body", " of you")
	b.until(ctx, `document.getElementById("autosave-problem").textContent.startsWith("Not saved: Cleo saved this newsletter at ")`)
	if n := b.number(`select count(*) from campaigns where content ->> 'markdown' = 'Cleo was here'`); n != 1 {
		t.Error("what Cleo wrote was overwritten")
	}
	click("save") // by hand, the choice is offered
	b.until(ctx, `document.getElementById("save").textContent === "Save mine instead" && document.getElementById("body").value === "Hello all of you"`)
	click("save")
	b.until(ctx, `document.querySelector(".saved") !== null`)
	if n := b.number(`select count(*) from campaigns where content ->> 'markdown' = 'Hello all of you'`); n != 1 {
		t.Error("what was saved instead is not there")
	}
}
