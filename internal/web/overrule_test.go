package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

var hiddenUntil = regexp.MustCompile(`name="until" value="([^"]+)"`)

// An operator holds, releases, caps and resets without scripts.
func TestOverruleByForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(1000)
	b.progress(id, 1, campaign.Deferred, 12, throttleWords)
	b.exec(`update deliveries set first_attempt_at = now() - interval '47 hours' where state = 'deferred'`)
	storetest.Requeue(t, b.store)
	b.pace(1, 30, 2, false)

	b.contains(b.get("/providers/1"), `href="/providers/1/hold"`, `href="/providers/1/cap"`, `href="/providers/1/reset"`)
	b.contains(b.get("/providers/1/hold"), "Hold Northmail", `name="for"`, `name="until"`, `name="note"`, "Show what would follow")
	asked := b.get("/providers/1/hold?for=2h&until=&note=ticket+%3C4711%3E")
	b.contains(asked, "460 messages wait for Northmail. Held until ", "nothing is sent there until then",
		"12 messages reach the end of their lifetime before that.", "ticket &lt;4711&gt;", `method="post" action="/providers/1/hold"`)
	if n := b.number(`select count(*) from audit_log`); n != 0 {
		t.Error("looking at what would follow changed something")
	}
	until := html.UnescapeString(hiddenUntil.FindStringSubmatch(asked.body)[1])
	done := b.post("/providers/1/hold", url.Values{"until": {until}, "note": {"ticket <4711>"}}.Encode())
	if done.StatusCode != http.StatusSeeOther || done.Header.Get("Location") != "/providers/1" {
		t.Fatalf("%s\n%s", done.Status, done.body)
	}
	b.contains(b.get("/providers/1"), "Held by hand until", "Was held by hand", "ticket &lt;4711&gt;; by headway, pages", `href="/providers/1/release"`)
	if n := b.number(`select count(*) from audit_log where actor = 'headway' and door = 'pages' and action = 'provider.hold' and note = 'ticket <4711>'`); n != 1 {
		t.Errorf("%d entries in the audit log", n)
	}

	b.contains(b.get("/providers/1/release"), "It is held by hand until", "Released, sending begins again at once")
	b.post("/providers/1/release", "note=over")
	b.contains(b.get("/providers/1"), "Was released by hand")
	b.contains(b.get("/providers/1/cap?rate=300/min&note="), "Never faster than 5.0/s from now on")
	b.post("/providers/1/cap", "rate=300/min&note=")
	b.contains(b.get("/providers/1"), "Cap by hand", "Capped by hand at 5.0/s (by headway, pages)", "Change the cap")
	b.contains(b.get("/providers/1/reset"), "It starts again at 2.0/s")
	b.post("/providers/1/reset", "note=")
	if page := b.get("/providers/1"); strings.Contains(page.body, "Cap by hand") {
		t.Error("the cap is not forgotten")
	}

	// A provider that nothing was ever sent to.
	b.contains(b.get("/providers/2"), "Nothing has been sent to it yet")
	b.post("/providers/2/hold", "for=1h&note=")
	b.contains(b.get("/providers/2"), "Held by hand until")
}

func TestMistakesInForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(10)
	for _, tt := range []struct{ path, words string }{
		{"/providers/1/hold?for=2h&until=soon&note=", "&#34;soon&#34; is not a time; write it like 15:20 or 2026-11-24 09:00 (UTC)"},
		{"/providers/1/hold?for=&until=&note=", "Choose how long nothing is sent"},
		{"/providers/1/hold?for=1h&note=" + strings.Repeat("x", 141), "The note has 141 characters"},
		{"/providers/1/cap?rate=fast&note=why", "&#34;fast&#34; is not a rate"},
		{"/providers/1/release", "No node has ever sent from here"},
	} {
		path, form, _ := strings.Cut(tt.path, "?")
		for _, a := range []answer{b.do(http.MethodGet, b.site.URL+tt.path, ""), b.post(path, form)} {
			if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.words) {
				t.Errorf("%s: %s\n%s", tt.path, a.Status, a.body)
			}
		}
	}
	for _, path := range []string{"/providers/1/smash", "/providers/99/hold", "/providers/0/hold"} {
		if a := b.post(path, "note="); a.StatusCode != http.StatusNotFound {
			t.Errorf("POST %s: %s", path, a.Status)
		}
	}
	if a := b.do(http.MethodPost, b.site.URL+"/providers/1/hold", "for=1h", "Content-Type", "application/x-www-form-urlencoded",
		"Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("another site held a provider: %s", a.Status)
	}
}
