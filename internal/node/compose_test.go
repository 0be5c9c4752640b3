package node

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/internal/service"
)

// walk is a person with a browser.
type walk struct {
	t   *testing.T
	tab context.Context
}

func (w walk) do(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.tab, actions...); err != nil {
		w.t.Fatal(err)
	}
}

func (w walk) shows(condition string) {
	w.t.Helper()
	if _, err := chromedp.Run(w.tab, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		text, _ := chromedp.Run(w.tab, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
		w.t.Fatalf("waiting for %s: %v\n%s", condition, err, text)
	}
}

// press presses what leads to another page.
func (w walk) press(id string) {
	w.t.Helper()
	if _, err := chromedp.Run(w.tab, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID(id)))); err != nil {
		w.t.Fatalf("press %s: %v", id, err)
	}
}

func (w walk) fill(id, text string) {
	w.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).value = %q", id, text)))
}

func (w walk) choose(selector string) {
	w.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).checked = true", selector)))
}

// A newsletter from an empty installation to Finished, in the browser.
func TestNewsletterInABrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: the pages are not tried in a browser")
	}
	internet, domains := quick(2)
	r := newRig(t, internet)
	r.config.Roles = []string{"web", "lanes", "bulk"}
	r.config.Web.Listen = "127.0.0.1:0"
	n := r.node()
	ctx := t.Context()
	record, err := n.Service.GenerateDKIM(ctx, "sender.test", "")
	r.must(err)
	r.sandbox.AddTXT(record.Name, record.Value)
	file := "email,first_name\nann@" + domains[0] + ",Ann\nbob@" + domains[1] + ",\nleft@" + domains[1] + ",Lea\n"
	imported, err := n.Service.Upload(ctx, "readers.csv", strings.NewReader(file), service.ImportOptions{List: "Readers", Consent: "they signed up"})
	r.must(err)
	r.until(time.Minute, "imported", func() bool {
		i, err := n.Database.Store.Import(ctx, imported)
		return err == nil && service.Done(i)
	})
	_, err = n.Service.Suppress(ctx, service.Suppressing{What: "left@" + domains[1], Note: "asked by telephone"})
	r.must(err)

	allocated, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.UserDataDir(t.TempDir()))...)
	defer stop()
	tab, end := chromedp.NewContext(allocated)
	defer end()
	tab, cancel := context.WithTimeout(tab, 4*time.Minute)
	defer cancel()
	w := walk{t, tab}

	w.do(chromedp.Navigate(n.URL() + "/campaigns"))
	w.press("to-new-campaign")
	w.fill("from_name", "The Mill")
	w.fill("from_address", "notes@sender.test")
	w.fill("body", "# Hello {{ first_name | default: \"friend\" }}\n\n<script>document.title = 'run'</script>\n\n[The mill](https://mill.example/)")
	w.choose(`[name=layout][value=newsletter]`)
	w.press("save") // without a subject
	w.shows(`document.getElementById("subject-problem")?.textContent.includes("no subject")`)
	w.fill("subject", "News for {{ first_name | default: 'you' }}")
	w.fill("postal_address", "1 Harbour Lane")
	w.press("to-preview")
	w.shows(`document.getElementById("seen-subject")?.textContent === "News for you"`) // nobody is chosen yet
	w.shows(`document.getElementById("letter") !== null`)

	w.fill("to", "me@"+domains[0])
	w.press("send-test")
	w.shows(`document.getElementById("outcome")?.textContent === "Delivered"`)
	w.press("to-audience")
	w.choose(`[name=in]`)
	w.press("save")
	w.shows(`document.querySelector(".waterfall")?.innerText.replace(/\s+/g, " ").includes("Suppressed −1 Will receive 2")`)
	w.press("to-schedule")
	w.shows(`document.querySelectorAll(".checks .is-block, .checks .is-warn").length === 0`)
	w.press("start")
	w.shows(`document.querySelector(".badge")?.textContent === "Finished"`)

	test := r.number(`select id from campaigns where system`)
	id := r.number(`select id from campaigns where not system`)
	if c := r.campaign(n, id).Counters; c.Delivered != 2 || c.Targeted != 2 {
		t.Errorf("counted %+v", c)
	}
	if c := r.campaign(n, test); c.Counters.Delivered != 1 {
		t.Errorf("the test is %s: %+v", c.State, c.Counters)
	}
	w.press("do-clone")
	w.shows(`document.getElementById("name")?.value === "News for {{ first_name | default: 'you' }} (copy)"`)
}
