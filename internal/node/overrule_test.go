package node

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/internal/service"
)

// settle is within what time a decision by hand must be felt: the permits in
// hand, 0.75 s of them, and the message in flight.
const settle = 2 * time.Second

// arrivals counts what the receivers have.
func (r *rig) arrivals() int { return len(r.sandbox.Received()) }

// still requires that nothing arrives for a while, once what was in flight has
// settled.
func (r *rig) still(quiet time.Duration) {
	r.t.Helper()
	time.Sleep(settle) // the subject is that nothing happens: there is no signal to wait for
	before := r.arrivals()
	time.Sleep(quiet)
	if after := r.arrivals(); after != before {
		r.t.Errorf("%d messages arrived in %s of a hold", after-before, quiet)
	}
}

func TestHoldStopsAndReleaseGoesOn(t *testing.T) {
	r := newRig(t, slow(20*time.Millisecond))
	n := r.node()
	ctx, by := t.Context(), service.Actor{Name: "tester", Door: service.CommandLine}
	id := r.launch(n, 1500, "north.test")
	r.until(time.Minute, "something arrived", func() bool { return r.arrivals() > 20 })
	provider, err := n.Service.FindProvider(ctx, "north.test")
	r.must(err)
	_, err = n.Service.Overrule(ctx, provider.ID, service.Overrule{Verb: service.Hold, Until: time.Now().Add(time.Hour)}, by)
	r.must(err)
	r.still(2 * time.Second)
	if r.campaign(n, id).Counters.Waiting() == 0 {
		t.Fatal("the campaign was over before the hold: the test shows nothing")
	}

	before := r.arrivals()
	_, err = n.Service.Overrule(ctx, provider.ID, service.Overrule{Verb: service.Release}, by)
	r.must(err)
	r.until(time.Minute, "mail goes on", func() bool { return r.arrivals() > before })

	// A second node hears of a cap that was set through the first.
	other := r.node()
	_, err = other.Service.Overrule(ctx, provider.ID, service.Overrule{Verb: service.Cap, PerSecond: 2}, by)
	r.must(err)
	time.Sleep(settle)
	before = r.arrivals()
	time.Sleep(3 * time.Second)
	if got := r.arrivals() - before; got > 2*3+2 {
		t.Errorf("%d messages in 3 s under a cap of 2/s", got)
	}
	r.must(other.Stop())
	r.must(n.Stop())
	r.accounted(id, 0)
}

// An operator holds and releases a provider in the browser while a campaign is
// being sent.
func TestHoldInABrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: the pages are not tried in a browser")
	}
	r := newRig(t, slow(20*time.Millisecond))
	r.config.Roles = []string{"web", "lanes", "bulk"}
	r.config.Web.Listen = "127.0.0.1:0"
	n := r.node()
	r.launch(n, 3000, "north.test")
	r.until(time.Minute, "something arrived", func() bool { return r.arrivals() > 20 })
	provider, err := n.Service.FindProvider(t.Context(), "north.test")
	r.must(err)

	allocated, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.UserDataDir(t.TempDir()))...)
	defer stop()
	tab, end := chromedp.NewContext(allocated)
	defer end()
	tab, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(tab, actions...); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(condition string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			_, err := chromedp.Run(tab, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(time.Until(deadline))))
			switch {
			case err == nil:
				return
			case !strings.Contains(err.Error(), "Cannot find context") || time.Now().After(deadline):
				t.Fatalf("waiting for %s: %v", condition, err)
			}
			// Asked in the page before, of whose end the tab had not heard yet.
		}
	}
	press := func(id string) { // leads to another page
		t.Helper()
		if _, err := chromedp.Run(tab, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID(id)))); err != nil {
			t.Fatalf("press %s: %v", id, err)
		}
	}

	do(chromedp.Navigate(fmt.Sprintf("%s/providers/%d", n.URL(), provider.ID)))
	press("do-hold")
	shows(`document.getElementById("preview-it") !== null`)
	do(chromedp.Evaluate[chromedp.Void](`document.getElementById("note").value = "ticket 4711"`))
	press("preview-it")
	shows(`document.getElementById("preview")?.textContent.includes("nothing is sent there until then")`)
	press("confirm")
	shows(`document.querySelector(".standing")?.textContent.startsWith("Held by hand until")`)
	r.still(time.Second)
	before := r.arrivals()
	press("do-release")
	shows(`document.getElementById("preview")?.textContent.includes("Released, sending begins again at once")`)
	press("confirm")
	r.until(time.Minute, "mail goes on", func() bool { return r.arrivals() > before })
	shows(`document.querySelector(".feed")?.textContent.includes("Was released by hand")`)
	if response, err := http.Get(n.URL() + "/api/v1/providers"); err != nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API without a token: %v %v", response, err)
	} else {
		response.Body.Close()
	}
}
