package web

import (
	"bytes"
	"context"
	"image/gif"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/tracking"
)

const chromeAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"

// counting sets up pages that count visits. Done records what was counted.
func counting(t *testing.T) (b *bundle, id int64, done func()) {
	t.Helper()
	var visits *tracking.Recorder
	b = setup(t, func(c *Config) {
		visits = tracking.Start(c.Service.Store, c.Log)
		t.Cleanup(visits.Close)
		c.Visits = visits
	})
	id = b.sample(20)
	if _, err := b.store.LinkNumbers(t.Context(), id, []string{"https://shop.test/?a=1&b=2#c", "https://shop.test/other"}); err != nil {
		t.Fatal(err)
	}
	b.exec(`update deliveries set state = 'delivered', updated_at = now() - interval '1 hour' where campaign_id = $1`, id)
	b.recount(id)
	return b, id, visits.Close
}

func (b *bundle) clickLink(id, contact int64, number uint64) string {
	return b.public.URL + "/c/" + b.tokens.Mint(token.Claims{Purpose: token.Click, Campaign: id, Contact: contact, Link: number, Day: time.Now()})
}

func TestAClickLeadsToItsPage(t *testing.T) {
	t.Parallel()
	b, id, done := counting(t)
	for range 2 { // the second from memory
		a := b.do(http.MethodGet, b.clickLink(id, 1, 1), "", "User-Agent", chromeAgent)
		if a.StatusCode != http.StatusFound || a.Header.Get("Location") != "https://shop.test/?a=1&b=2#c" {
			t.Fatalf("%s to %q", a.Status, a.Header.Get("Location"))
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Set-Cookie": ""} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	b.do(http.MethodGet, b.clickLink(id, 2, 2), "", "User-Agent", chromeAgent)
	b.do(http.MethodHead, b.clickLink(id, 3, 2), "", "User-Agent", chromeAgent)
	b.do(http.MethodGet, b.clickLink(id, 4, 2), "", "User-Agent", chromeAgent, "Sec-Purpose", "prefetch")
	b.do(http.MethodGet, b.clickLink(id, 5, 2), "", "User-Agent", "curl/8.5.0")
	done()
	page := b.get("/campaigns/1/report")
	b.contains(page, `id="clickers">2 <small>10.0 % of delivered`, "https://shop.test/?a=1&amp;b=2#c", "for 3 readers")
	if n := b.number(`select times from engagements where contact_id = 1 and link = 1 and not machine`); n != 2 {
		t.Errorf("%d clicks of the first reader, want 2", n)
	}
	b.contains(b.get("/contacts/1"), "Autumn letter: they clicked a link", "https://shop.test/?a=1&amp;b=2#c")
	b.contains(b.get("/contacts/5"), "clicked by a program in their name: a script followed it")
}

func TestAClickLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	b, id, done := counting(t)
	good := b.clickLink(id, 1, 1)
	mint := func(p token.Purpose) string { return b.public.URL + "/c/" + b.mint(p, id, 1) }
	tests := map[string]string{
		"forged":             good[:len(good)-3] + "aaa",
		"cut":                good[:len(good)-4],
		"longer":             good + "a",
		"a link that is not": b.clickLink(id, 1, 3),
		"link 0":             b.clickLink(id, 1, 0),
		"a huge number":      b.clickLink(id, 1, 1<<63),
		"another campaign":   b.clickLink(id+1, 1, 1),
		"to unsubscribe":     mint(token.Unsubscribe),
		"to the page":        mint(token.View),
		"an open":            mint(token.Open),
		"a Message-ID":       mint(token.MessageID),
		"an address":         b.public.URL + "/c/https://evil.test/",
		"an encoded address": b.public.URL + "/c/https%3A%2F%2Fevil.test%2F",
		"an address after":   good + "/https://evil.test/",
		"two slashes":        b.public.URL + "/c//evil.test/",
		"a line break":       b.public.URL + "/c/%0d%0aLocation:%20https://evil.test/",
		"a line break after": good + "%0d%0aSet-Cookie:%20a=b",
		"nothing":            b.public.URL + "/c/",
	}
	for i := len(good) - 1; i >= len(b.public.URL)+3; i-- { // each character of the token
		other := "a"
		if good[i] == 'a' {
			other = "b"
		}
		tests["changed at "+good[i:]] = good[:i] + other + good[i+1:]
	}
	for name, url := range tests {
		a := b.do(http.MethodGet, url, "", "User-Agent", chromeAgent)
		location := a.Header.Get("Location")
		tidied := a.StatusCode == http.StatusTemporaryRedirect && strings.HasPrefix(location, "/c/") // a // within the path of this site
		if a.StatusCode != http.StatusNotFound && !tidied || !tidied && location != "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s to %q", name, a.Status, location)
		}
	}
	for _, query := range []string{"?url=https://evil.test/", "?u=//evil.test", "?next=https://evil.test/#x"} {
		if a := b.do(http.MethodGet, good+query, "", "Host", "evil.test", "X-Forwarded-Host", "evil.test"); a.Header.Get("Location") != "https://shop.test/?a=1&b=2#c" {
			t.Errorf("%s leads to %q", query, a.Header.Get("Location"))
		}
	}
	if a := b.do(http.MethodPost, good, "url=https://evil.test/"); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", a.Status)
	}
	done()
	if n := b.number(`select count(*) from engagements where contact_id <> 1 or link not in (0, 1)`); n != 0 {
		t.Errorf("%d altered links are counted", n)
	}
	if strings.Contains(b.log.String(), strings.TrimPrefix(good, b.public.URL+"/c/")) {
		t.Error("the log holds a link")
	}
}

func TestAnOpenIsCounted(t *testing.T) {
	t.Parallel()
	b, id, done := counting(t)
	url := func(contact int64) string { return b.public.URL + "/o/" + b.mint(token.Open, id, contact) }
	a := b.do(http.MethodGet, url(1), "", "User-Agent", chromeAgent)
	image, err := gif.Decode(bytes.NewReader([]byte(a.body)))
	if err != nil || image.Bounds().Dx() != 1 || image.Bounds().Dy() != 1 {
		t.Fatalf("the image: %v", err)
	}
	if _, _, _, alpha := image.At(0, 0).RGBA(); alpha != 0 {
		t.Error("the image can be seen")
	}
	for name, want := range map[string]string{"Content-Type": "image/gif", "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
		"Cross-Origin-Resource-Policy": "cross-origin", "Set-Cookie": "", "X-Content-Type-Options": "nosniff"} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	b.do(http.MethodGet, url(2), "", "User-Agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)")
	for name, path := range map[string]string{"forged": url(3)[:len(url(3))-3] + "aaa", "a click": strings.Replace(b.clickLink(id, 3, 1), "/c/", "/o/", 1)} {
		if a := b.do(http.MethodGet, path, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	done()
	b.contains(b.get("/campaigns/1/report"), `id="openers">1 <small>5.0 % of delivered`, "for 1 reader", "An open is an image that was loaded, and says little.")
	if n := b.number(`select count(*) from engagements where contact_id = 3`); n != 0 {
		t.Error("an altered address is counted")
	}
}

// A message that nobody counts gets its reader to the page all the same.
func TestClicksWorkWithoutBeingCounted(t *testing.T) {
	t.Parallel()
	b, id, _ := counting(t)
	if _, err := b.server.service.Erase(t.Context(), "reader1@d1-2.test"); err != nil {
		t.Fatal(err)
	}
	b.server.visits = nil
	b.exec(`update campaigns set state = 'finished', finished_at = now()`)
	if a := b.do(http.MethodGet, b.clickLink(id, 1, 2), ""); a.StatusCode != http.StatusFound {
		t.Error(a.Status)
	}
}

func TestTheReportSaysThatNothingIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	b.exec(`update campaigns set settings = settings || '{"tracking": {"clicks": false, "opens": false}}' where id = $1`, id)
	b.contains(b.get("/campaigns/1/report"), "Neither clicks nor opens are counted for this campaign.")
}

func TestWhatIsCountedIsChosenWithTheSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(20)
	id := b.draft("Another letter")
	path := "/campaigns/2/schedule"
	b.contains(b.get(path), `name="count_clicks" value="yes" checked`, `name="count_opens" value="yes">`)
	a := b.post(path, "when=now&zone=UTC&counted=yes&count_opens=yes&then=runs")
	b.contains(a, `name="count_clicks" value="yes">`, `name="count_opens" value="yes" checked`)
	c, err := b.store.Campaign(context.Background(), id)
	if err != nil || !c.Settings.Tracking.Clicks || c.Settings.Tracking.Opens {
		t.Errorf("a draft counts %s, %v", c.Settings.Tracking.Words(), err)
	}
}
