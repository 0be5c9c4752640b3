package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/internal/jobs"
)

// Many people click everything twice. A message is tested once, a file comes in
// once, a campaign is scheduled once with its hours and its end, and nobody meets an
// error page.
func TestDoubleClicksInABrowser(t *testing.T) {
	ctx, cancel := context.WithTimeout(browser(t), 50*time.Second)
	defer cancel()
	b := setup(t)
	b.sample(50)
	b.key()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	twice := func(id chromedp.ID, then string) {
		t.Helper()
		do(chromedp.DoubleClick(id))
		b.leadsTo(ctx, then)
	}
	once := func(what, sql string, args ...any) {
		t.Helper()
		time.Sleep(200 * time.Millisecond) // for a second one on its way
		if n := b.number(sql, args...); n != 1 {
			t.Errorf("%s: %d, want 1", what, n)
		}
	}
	path := b.write(newsletter())
	do(chromedp.Navigate(b.site.URL+path+"/preview"), chromedp.SetValue(chromedp.ID("to"), "me@d1-1.test"))
	twice("send-test", `location.pathname.includes("/test/")`)
	once("test messages", `select count(*) from deliveries d join campaigns c on c.id = d.campaign_id where c.system`)

	b.post(path+"/audience", "in=1")
	start := time.Now().AddDate(0, 0, 3)
	set := func(id, value string) chromedp.Action[chromedp.Void] {
		return chromedp.SetValue(chromedp.ID(id), value)
	}
	do(chromedp.Navigate(b.site.URL+path+"/schedule"), chromedp.Click(chromedp.CSS(`[name=when][value=at]`)), set("day", start.Format(time.DateOnly)), set("time", "10:00"),
		set("zone", "Europe/Warsaw"), set("finish_day", start.Format(time.DateOnly)), set("finish_at", "09:00"),
		chromedp.Click(chromedp.CSS(`[name=hours][value=window]`)), set("from", "08:00"), set("to", "18:00"))
	twice("start", `document.body.innerText.includes("It must be after the start")`)
	b.picture(ctx, "schedule-wrong-end", "")
	do(set("finish_at", "20:00"))
	twice("start", `document.querySelector(".badge")?.textContent === "Scheduled"`)
	b.picture(ctx, "scheduled-with-hours", "")
	once("schedules", `select count(*) from audit_log where action = 'campaign.schedule'`)
	once("hours and an end", `select count(*) from campaigns where state = 'scheduled' and settings ? 'window' and settings ? 'finish_by'`)

	running := b.launch("Autumn")
	do(chromedp.Navigate(fmt.Sprintf("%s/campaigns/%d", b.site.URL, running)))
	twice("do-pause", `document.querySelector(".badge")?.textContent === "Paused"`)
	once("pauses", `select count(*) from audit_log where action = 'campaign.pause'`)

	file := filepath.Join(t.TempDir(), "fair.csv")
	if err := os.WriteFile(file, []byte("email\nana@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(chromedp.Navigate(b.site.URL+"/imports/new"), chromedp.SetUploadFiles(chromedp.ID("file"), []string{file}))
	twice("do-upload", `!!document.getElementById("do-check")`)
	once("uploads", `select count(*) from imports where file_name = 'fair.csv'`)
	do(chromedp.SendKeys(chromedp.ID("list"), "Fair"))
	twice("do-check", `location.pathname.match(/imports.\d+$/) !== null`)
	id := b.number(`select max(id) from imports`)
	if err := (&jobs.Bulk{Store: b.store}).Import(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	do(chromedp.Navigate(fmt.Sprintf("%s/imports/%d", b.site.URL, id)))
	twice("do-import", `!document.getElementById("do-import")`)
	if err := (&jobs.Bulk{Store: b.store}).Import(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	once("contacts of the file", `select count(*) from list_members m join lists l on l.id = m.list_id where l.name = 'Fair'`)
}
