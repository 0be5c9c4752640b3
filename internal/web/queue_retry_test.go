package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

func TestQueueRetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/queue/retry"), "Nothing is put off anywhere that is not due already.")
	id := b.sample(1000)
	b.progress(id, 1, campaign.Deferred, 40, "421 4.7.0 slowly")
	b.progress(id, 3, campaign.Deferred, 2, "421 4.7.0 slowly")
	b.exec(`update deliveries set first_attempt_at = now() - interval '30 minutes', due_at = now() + interval '10 minutes' where state = 'deferred'`)
	storetest.Requeue(t, b.store)
	later := func() int64 { return b.number(`select count(*) from mail_queue where deferred and due_at > now()`) }

	b.contains(b.get("/queue"), `href="/queue/retry"`, `href="/queue/retry?provider=1"`)
	b.contains(b.get("/queue/retry"), "42 messages were put off and would be due now", "Northmail", "Postino", "Nothing is overruled")
	one := b.get("/queue/retry?provider=3")
	b.contains(one, "Retry deferred now at Postino?", "2 messages were put off")
	if n := later(); n != 42 {
		t.Fatalf("looking made %d due", 42-n)
	}
	a := b.post("/queue/retry", "provider=3")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/queue?retried=2" || later() != 40 {
		t.Errorf("%s to %s, %d are due later", a.Status, a.Header.Get("Location"), later())
	}
	b.contains(b.get("/queue?retried=2"), "2 messages are due now.", "sending hours decide")
	if strings.Contains(b.get("/queue?retried=<b>").body, `id="retried"`) {
		t.Error("the page repeats what its address says")
	}
	if a := b.post("/queue/retry", ""); a.StatusCode != http.StatusSeeOther || later() != 0 {
		t.Errorf("%s, %d are due later", a.Status, later())
	}
	audit, err := b.store.Audit(t.Context(), "everything that was put off", 5)
	if err != nil || len(audit) != 1 || audit[0].Action != "queue.retry" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	for name, path := range map[string]string{"no number": "provider=x", "no provider": "provider=99"} {
		if a := b.post("/queue/retry", path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
}

// From the queue to what was put off at one provider, and at all.
func TestQueueRetryInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	id := b.sample(1000)
	b.progress(id, 1, campaign.Deferred, 40, "421 4.7.0 slowly")
	b.progress(id, 3, campaign.Deferred, 1, "421 4.7.0 slowly")
	b.exec(`update deliveries set first_attempt_at = now() - interval '30 minutes', due_at = now() + interval '10 minutes' where state = 'deferred'`)
	storetest.Requeue(t, b.store)
	click := func(id chromedp.ID, then string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Click(id)); err != nil {
			t.Fatal(err)
		}
		b.leadsTo(ctx, then)
	}
	b.picture(ctx, "queue-put-off", b.site.URL+"/queue")
	click("retry-3", `document.body.innerText.includes("1 message was put off")`)
	b.picture(ctx, "queue-retry-one", "")
	click("confirm", `document.getElementById("retried")?.innerText.startsWith("1 message is due now.")`)
	b.picture(ctx, "queue-retry-done", "")
	click("retry-all", `document.body.innerText.includes("40 messages were put off")`)
	b.picture(ctx, "queue-retry-all", "")
	click("confirm", `document.getElementById("retried")?.innerText.startsWith("40 messages are due now.")`)
}
