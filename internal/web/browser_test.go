package web

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/campaign"
)

// browser starts Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: the pages are not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.Flag("no-sandbox", true), // the tests may run as root
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // nothing leaves this machine
		chromedp.UserDataDir(t.TempDir()))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// busy fills a bundle with what a running installation shows.
func (b *bundle) busy() int64 {
	b.Helper()
	first := b.sample(5000)
	b.progress(first, 0, campaign.Delivered, 4890, "")
	b.progress(first, 0, campaign.Bounced, 110, "550 5.1.1 no such user here")
	b.exec(`update campaigns set state = 'finished', launched_at = now() - interval '2 days', finished_at = now() - interval '47 hours' where id = $1`, first)
	id := b.launch("Autumn letter to all readers of the Sunday edition")
	b.progress(id, 1, campaign.Delivered, 1210, "")
	b.progress(id, 1, campaign.Deferred, 212, throttleWords)
	b.progress(id, 1, campaign.Bounced, 31, "550 5.1.1 The email account that you tried to reach does not exist")
	b.progress(id, 2, campaign.Delivered, 1340, "")
	b.progress(id, 2, campaign.Bounced, 4, "550 5.1.1 unknown user")
	b.progress(id, 3, campaign.Delivered, 12, "")
	b.progress(id, 3, campaign.Deferred, 40, "421 4.7.0 Too busy, come back in 10 minutes")
	b.progress(id, 4, campaign.Deferred, 390, "451 4.7.1 Greylisted, please try again in 300 seconds")
	b.progress(id, 4, campaign.Suppressed, 3, "")
	b.progress(id, 5, campaign.Delivered, 249, "")
	b.progress(id, 5, campaign.InDoubt, 1, "")
	b.exec(`update campaigns set launched_at = now() - interval '6 minutes' where id = $1`, id)
	b.pace(1, 30, 5, false)
	b.pace(2, 1e9, 1, false)
	b.pace(3, 12, 3, true)
	b.pace(4, 1e9, 1, false)
	b.attempts(id, 1, 212, "deferred", "rate", 421, throttleWords)
	b.attempts(id, 1, 31, "bounced", "mailbox", 550, "550 5.1.1 The email account that you tried to reach does not exist")
	b.attempts(id, 3, 40, "deferred", "rate", 421, "421 4.7.0 Too busy, come back in 10 minutes")
	b.attempts(id, 4, 390, "deferred", "greylist", 451, "451 4.7.1 Greylisted, please try again in 300 seconds")
	b.exec(`insert into campaign_events (campaign_id, at, kind, words) values
	        ($1, now() - interval '6 minutes', 'launched', 'Launched: 5,000 will receive.'),
	        ($1, now() - interval '2 minutes', 'warning', '5.4 % of the first 2,810 messages bounced; more than 5 % harms your reputation. This campaign only warns.')`, id)
	b.exec(`insert into provider_minutes (provider_id, minute, attempts, accepted, deferred, throttled, bounced)
	        values (1, date_trunc('minute', now()), 1453, 1210, 212, 212, 31), (2, date_trunc('minute', now()), 1344, 1340, 0, 0, 4),
	               (3, date_trunc('minute', now()), 52, 12, 40, 40, 0), (4, date_trunc('minute', now()), 390, 0, 390, 0, 0)`)
	scheduled := b.draft("Winter letter")
	b.exec(`update campaigns set state = 'scheduled', scheduled_at = now() + interval '62 hours' where id = $1`, scheduled)
	b.draft("A draft with an exceptionally long name that somebody typed in without thinking of those who have to lay out a page around it")
	b.exec(`insert into imports (list_id, file_name, size, sha256, state, plan, counts, created_at, finished_at, problem) values
	        (1, 'subscribers-2026-11.csv', 482113, '', 'done', '{"mapping":{"columns":[{"heading":"Email","role":"email"},{"heading":"Name","role":"field","field":"name"}]}}',
	         '{"rows":5213,"new":4811,"updated":120,"unchanged":69,"duplicate":98,"suppress_only":12,"joined":5000,"suppressed":7,"invalid":{"email_missing":61,"syntax_no_at":38,"several_addresses":4}}',
	         now() - interval '1 hour', now() - interval '59 minutes', null),
	        (1, 'photo.jpg', 3482113, '', 'failed', '{}', '{}', now() - interval '30 minutes', now() - interval '30 minutes', 'the file is no text: export it as CSV, or upload the workbook or archive under its own name'),
	        (1, 'more-subscribers.csv', 98211234, '', 'merging', '{}', '{"rows":812000,"new":420000,"joined":420000,"invalid":{}}', now() - interval '1 minute', null, null)`)
	b.exec(`insert into import_rejects (import_id, line, code, words, cells) values
	        (1, 17, 'email_missing', 'x', '{"", "=HYPERLINK(0)"}'), (1, 230, 'syntax_no_at', 'x', '{"nobody", "Ann, B."}')`)
	b.verified()
	b.exec(`update verifications set contacts_total = 5000, counts = '{"verdicts":{"unproven":4995,"risky":3,"undeliverable":2},"reasons":{"no_history":4995,"typo_likely":3,"domain_nxdomain":2},"mendable":3}'`)
	b.exec(`insert into verifications (list_id, import_id, state, domains_total, domains_done, contacts_total, counts, created_at, finished_at)
	        select list_id, 1, state, domains_total, domains_done, contacts_total, counts, created_at, finished_at from verifications`)
	b.exec(`insert into probation_sources (campaign_id, number, import_id, state) values ($1, 1, 1, 'stopped')`, id)
	b.exec(`insert into probation_slices (campaign_id, slice, source, ordinal, opened_at, size, waiting, delivered, bounced, course, words)
	        values ($1, 1, 1, 1, now(), 200, 0, 198, 2, 'next', ''), ($1, 2, 1, 2, now(), 1000, 0, 930, 70, 'stop', '7.0 % bounced hard; more than 5 % stops the file')`, id)
	b.exec(`update imports set stopped_at = now(), stopped_why = '7.0 % bounced hard; more than 5 % stops the file' where id = 1`)
	return id
}

// until waits until a condition holds in the page. A page that is just giving way
// to the next one takes the question with it; then the next one is asked.
func (b *bundle) until(ctx context.Context, condition string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(time.Minute)))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "context with specified id") || time.Now().After(deadline) {
			b.Fatalf("waiting for %s: %v", condition, err)
		}
	}
}

func TestCampaignLivesInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	id := b.sample(1000)
	messages := chromedp.Console(ctx)
	visit := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	until := func(condition string) { b.until(ctx, condition) }
	visit(chromedp.Navigate(fmt.Sprintf("%s/campaigns/%d", b.site.URL, id)))
	visit(chromedp.Evaluate[chromedp.Void](`document.getElementById("provider-1").focus()`))
	b.progress(id, 1, campaign.Delivered, 217, "")
	until(`document.querySelector(".legend dd").textContent.includes("217")`)
	until(`document.activeElement.id === "provider-1"`) // new figures take nobody's place away

	visit(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	_, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID("do-pause"))))
	if err != nil {
		t.Fatal(err)
	}
	until(`document.querySelector(".badge").textContent === "Paused"`)
	if n := b.number(`select count(*) from campaigns where state = 'paused'`); n != 1 {
		t.Error("the button did not pause the campaign")
	}
	visit(chromedp.Evaluate[chromedp.Void](`console.log("the end")`))
	for m, err := range messages {
		if err != nil {
			t.Fatal(err)
		}
		if m.Text == "the end" {
			break
		}
		t.Errorf("the browser complains: %s", m)
	}
}

// Where events do not come through, as behind a proxy that keeps them back, the
// page asks for its live part.
func TestCampaignIsPolledInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	id := b.sample(1000)
	const deafAndFast = `
window.EventSource = class extends EventTarget { close() {} };
const begin = Date.now(), realNow = Date.now, realInterval = window.setInterval;
Date.now = () => begin + 20 * (realNow() - begin);
window.setInterval = (f, wait) => realInterval(f, wait / 20);`
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: deafAndFast})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprintf("%s/campaigns/%d", b.site.URL, id))); err != nil {
		t.Fatal(err)
	}
	until := func(condition string) { b.until(ctx, condition) }
	b.progress(id, 1, campaign.Delivered, 217, "")
	until(`document.querySelector(".legend dd").textContent.includes("217")`)
	until(`document.getElementById("lost").hidden`)
	b.site.Close() // now the figures grow old, and the page says so
	until(`!document.getElementById("lost").hidden`)
}
