package web

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The path of who sets Headway up: enter the domain, publish the record that is
// shown, and see its line turn green without doing anything.
func TestSetupInABrowser(t *testing.T) {
	ctx := browser(t)
	world, asks := internet(t)
	b := setup(t, asks)
	b.sample(10)
	c := &b.server.service.Config
	c.Sending.BounceDomain, c.Sending.HELOName, c.Sending.Source = "bounces.mill.test", "mail.mill.test", "198.51.100.7"
	c.Inbound.Listen, c.Web.PublicURL = "127.0.0.1:2525", b.public.URL
	publish := func(records ...string) {
		t.Helper()
		for _, record := range records {
			if err := world.AddRecord(record); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("bounces.mill.test TXT v=spf1 ip4:198.51.100.7 -all", "_dmarc.mill.test TXT v=DMARC1; p=none; rua=mailto:a@mill.test",
		"bounces.mill.test MX 10 mail.mill.test.", "mail.mill.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR mail.mill.test.")
	visit := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	visit(chromedp.Navigate(b.site.URL+"/setup"), chromedp.SendKeys(chromedp.ID("domain-name"), "mill.test"))
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID("make-key")))); err != nil {
		t.Fatal(err)
	}
	state := func(step, state string) string {
		return `document.getElementById("step-` + step + `").classList.contains("is-` + state + `")`
	}
	b.until(ctx, state("domain", "wrong"))
	b.until(ctx, `document.getElementById("domain-0-dkim-value").textContent.startsWith("v=DKIM1")`)
	visit(chromedp.Click(chromedp.ID("copy-domain-0-dkim-value")))
	b.until(ctx, `document.getElementById("copy-domain-0-dkim-value").textContent !== "Copy"`)

	records, err := b.server.service.DKIMRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publish(records[0].Name + " TXT " + records[0].Value)
	b.until(ctx, state("domain", "done"))
	// What somebody opened stays open while the page is drawn anew.
	visit(chromedp.Click(chromedp.CSS("#show-domain-0-dkim summary")))
	looked := `document.querySelector(".asof time").textContent`
	before, err := chromedp.Run(ctx, chromedp.Evaluate[string](looked))
	if err != nil {
		t.Fatal(err)
	}
	b.until(ctx, looked+` !== "`+before+`"`)
	b.until(ctx, `document.getElementById("show-domain-0-dkim").open`)
}
