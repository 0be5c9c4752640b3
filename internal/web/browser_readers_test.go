package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

const readersLetter = `{"preheader": "Leaves, and what they say", "postal_address": "The Weekly\nMill Lane 1, Northtown", "layout": "newsletter",
"markdown": "# Dear {{ first_name | default: \"reader\" }}\n\nThe leaves are down. [Read in a browser]({{ view_url }})\n\n<script>document.title = \"it ran\"</script>\n\n<img src=\"x\" alt=\"\" onerror=\"document.title = 'it ran'\">\n\n- [The mill]({{ view_url }})\n- <a href=\"https://river.test/\" id=\"river\">The river</a>\n\n> They fall, and then they rest.\n"}`

// The path of somebody who reads: the newsletter in a browser, what they get,
// one list less and one more again.
func TestReadersInABrowser(t *testing.T) {
	ctx := browser(t)
	b := setup(t)
	path := b.reader()
	b.exec(`update campaigns set content = content || $1::jsonb`, strings.Replace(readersLetter, "https://river.test/", b.public.URL+"/u/message", 1))
	b.exec(`update contacts set fields = '{"first_name": "Ana"}' where id = 1`)
	visit := func(path string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Navigate(b.public.URL+path)); err != nil {
			t.Fatal(err)
		}
	}
	click := func(id chromedp.ID, then string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Click(id)); err != nil {
			t.Fatal(err)
		}
		b.leadsTo(ctx, then)
	}
	view := "/v/" + b.mint(token.View, 1, 1)
	visit(view)
	b.leadsTo(ctx, `document.body.innerText.includes("Dear Ana") && document.title === "What the leaves say" && self.origin === "null"`)
	b.picture(ctx, "view", view)
	click("river", `document.body.innerText.includes("Leave from the message itself")`)

	visit(path)
	b.leadsTo(ctx, `document.querySelectorAll("[name=keep]:checked").length === 2`)
	b.picture(ctx, "preferences", path)
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`[name=keep][value="2"]`))); err != nil {
		t.Fatal(err)
	}
	click("save", `!!document.getElementById("saved") && document.querySelectorAll("[name=keep]:checked").length === 1`)
	if on := b.on(); on != 1 {
		t.Errorf("on the lists %d, want 1", on)
	}
	b.picture(ctx, "preferences-saved", path+"?saved")
	visit(strings.TrimSuffix(path, "/lists"))
	b.picture(ctx, "leave", strings.TrimSuffix(path, "/lists"))
	click("pause", `document.querySelector("h1").innerText.startsWith("Paused until")`)
	if n := b.paused(time.Now()); n != 1 {
		t.Errorf("%d pauses", n)
	}
	b.picture(ctx, "paused", "")
	b.picture(ctx, "paused-contact", b.site.URL+"/contacts/1")
	b.picture(ctx, "leave-paused", strings.TrimSuffix(path, "/lists"))
	b.picture(ctx, "preferences-paused", path)
	click("resume", `document.body.innerText.includes("The break is over")`)
	visit(path)
	click("everything", `document.body.innerText.includes("You are unsubscribed")`)
	b.picture(ctx, "left", "")
	visit(path)
	b.leadsTo(ctx, `document.body.innerText.includes("You left it.") && !document.getElementById("everything")`)
	b.picture(ctx, "preferences-left", path)
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`[name=keep][value="1"]`))); err != nil {
		t.Fatal(err)
	}
	click("save", `!!document.getElementById("saved")`)
	if on := b.on(); on != 1 {
		t.Errorf("on the lists %d after coming back, want 1", on)
	}
	b.exec(`insert into suppressions (scope, kind, key, reason, created_at) select 'global', 'address', address_key, 'complained', now() from contacts where id = 1`)
	b.picture(ctx, "preferences-none", path)
	text := b.launch("Plain letter")
	b.exec(`update campaigns set content = content || '{"markdown": "", "text": "Dear {{ first_name }},\n\nthe leaves are down.\n\nhttps://river.test/a-long-address-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on\n"}' where id = $1`, text)
	b.picture(ctx, "view-text", "/v/"+b.mint(token.View, text, 1))
}

// What came of a campaign whose readers are counted.
func TestReadershipInABrowser(t *testing.T) {
	ctx := browser(t)
	b, id, _ := counting(t)
	if _, err := b.store.LinkNumbers(t.Context(), id, []string{"https://shop.test/autumn/a-long-name-for-a-page-that-goes-on-and-on/?utm_source=weekly&utm_campaign=autumn&utm_content=button-at-the-top"}); err != nil {
		t.Fatal(err)
	}
	var done []postgres.Engagement
	for contact := range int64(14) {
		at := time.Now().Add(-time.Duration(contact) * time.Minute)
		for kind, links := range map[engagement.Kind][]int{engagement.Open: {0}, engagement.Click: {1, 3}} {
			for _, link := range links {
				e := postgres.Engagement{Touch: postgres.Touch{Campaign: id, Contact: contact + 1}, Kind: kind, Link: link, Times: 1 + contact%3, First: at, Last: at}
				if contact%4 == 3 {
					e.Rule = engagement.Everything
				}
				done = append(done, e)
			}
		}
	}
	if err := b.store.Engage(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	b.exec(`update campaigns set settings = settings || '{"tracking": {"clicks": true, "opens": true}}'`)
	b.picture(ctx, "readership", fmt.Sprintf("%s/campaigns/%d/report", b.site.URL, id))
	b.picture(ctx, "readership-contact", b.site.URL+"/contacts/4")
	b.draft("Next letter")
	b.picture(ctx, "what-is-counted", b.site.URL+"/campaigns/2/schedule")
}

// leadsTo waits until a condition holds in the page that comes next. While
// the old page goes away it cannot be asked.
func (b *bundle) leadsTo(ctx context.Context, condition string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(30 * time.Millisecond) {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("waiting for %s: %v", condition, err)
		}
	}
}

// picture looks at a page in all ways, that it fits and, when they are wanted,
// for a picture of it. Without a path it is the page at hand.
func (b *bundle) picture(ctx context.Context, name, path string) {
	b.Helper()
	folder := os.Getenv(screenshotsVariable)
	for _, v := range views {
		if err := v.begin(ctx); err != nil {
			b.Fatal(err)
		}
		if path != "" {
			url := path
			if path[0] == '/' {
				url = b.public.URL + path
			}
			if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
				b.Fatal(err)
			}
		}
		over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
		if err != nil {
			b.Fatal(err)
		}
		if over > 0 {
			b.Errorf("%s, %s: %d pixels stick out to the right", name, v.name, over)
		}
		if folder == "" {
			continue
		}
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+"-"+v.name+".png"), picture, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := views[0].begin(ctx); err != nil {
		b.Fatal(err)
	}
}
