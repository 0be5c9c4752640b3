package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDashboard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/"), "Nothing is being sent.", "No campaign is scheduled.", "There is no campaign yet.")
	id := b.sample(1000)
	b.progress(id, 1, "delivered", 400, "")
	b.pace(1, 20, 1, false)
	b.pace(3, 10, 1, true)
	b.pace(5, 10, 1, true)
	b.exec(`update campaign_providers set queued = 0, delivered = targeted where provider_id = 5`) // nothing waits there
	b.exec(`insert into campaign_events (campaign_id, at, kind, words) values
	        ($1, now(), 'warning', '6 % bounced'), ($1, now() - interval '8 days', 'warning', 'long ago')`, id)
	b.exec(`insert into imports (list_id, file_name, size, sha256, state, plan, created_at, finished_at, problem)
	        values (1, 'photo.jpg', 5, '', 'failed', '{}', now(), now(), 'the file is no text')`)
	winter := b.draft("Winter letter")
	b.exec(`update campaigns set state = 'scheduled', scheduled_at = now() + interval '62 hours' where id = $1`, winter)

	a := b.get("/")
	b.contains(a, "45.0 % of 1,000 delivered", "Winter letter", "Europe/Warsaw, in 2 d 1", "6 % bounced", "The file is no text.",
		`href="/providers/3">Postino</a> <span class="how">Held until`, `href="/providers/1">Northmail</a> <span class="how">Slowed`,
		`sse-connect="/live"`)
	for _, not := range []string{"long ago", "Kite &amp; Sons &lt;Mail&gt;</a> <span"} {
		if strings.Contains(a.body, not) {
			t.Errorf("%q needs nobody's attention", not)
		}
	}
}

func TestCampaignsPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/campaigns"), "There is no campaign yet.")
	b.sample(10)
	const all = 2*listLength + 5
	b.exec(`insert into campaigns (name, content, settings, created_at, updated_at, system)
	        select 'Letter ' || k, '{}', '{}', now(), now(), k % 100 = 0 from generate_series(1, $1::int) k`, all) // one is a system campaign
	names := regexp.MustCompile(`href="/campaigns/(\d+)">`)
	seen := map[string]bool{}
	pages := 0
	for path := "/campaigns"; path != ""; pages++ {
		a := b.get(path)
		for _, name := range names.FindAllStringSubmatch(a.body, -1) {
			seen[name[1]] = true
		}
		path = ""
		if link := nextLink.FindStringSubmatch(a.body); link != nil {
			path = link[1]
		}
	}
	if len(seen) != all || pages != 3 {
		t.Errorf("%d campaigns on %d pages, want %d on 3", len(seen), pages, all)
	}
}

func TestProviderPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/providers"), "No provider is known yet")
	b.attempts(b.sample(100), 1, 200, "deferred", "rate", 421, throttleWords)
	b.pace(1, 20, 2, false)
	b.pace(3, 10, 1, true)
	b.exec(`insert into provider_minutes (provider_id, minute, accepted, deferred, throttled, bounced)
	        values (1, date_trunc('minute', now()), 1210, 212, 200, 31), (1, now() - interval '2 hours', 9, 9, 9, 9)`)
	list := b.get("/providers")
	b.contains(list, "1,210", "212", "Not tried yet")
	if held, slowed := strings.Index(list.body, "Postino"), strings.Index(list.body, "Northmail"); held > slowed {
		t.Error("a slowed provider stands before one that is held")
	}
	b.contains(b.get("/providers/1"), "Known good", "Known too fast",
		"<b>200 attempts</b>", throttleWords, "It said 421 4.7.28 Our system has detected an unusual rate", `class="rate" d="M0 `, "slowed", "Went faster")
	b.contains(b.get("/providers/3"), "Nothing is sent; single messages ask whether it is over.", `class="hold"`)
	b.contains(b.get("/providers/2"), "Nothing has been sent to it yet.")
	for _, path := range []string{"/providers/0", "/providers/77", "/providers/77/live", "/providers/x"} {
		if a := b.do(http.MethodGet, b.site.URL+path, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

func TestImportPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/imports"), "Nothing has been imported yet.")
	b.exec(`insert into lists (name, created_at) values ('Weekly news', now())`)
	b.exec(`insert into imports (list_id, file_name, size, sha256, state, plan, counts, created_at, finished_at) values
	        (1, 'dirty.csv', 482113, '', 'done', '{"files":[{"mapping":{"columns":[{"heading":"Email","role":"email"},{"heading":"Name","role":"field","field":"name"}]}}]}',
	         '{"rows":5213,"new":4811,"updated":120,"unchanged":69,"duplicate":98,"suppress_only":12,"joined":5000,"suppressed":7,"invalid":{"email_missing":61,"syntax_no_at":38,"several_addresses":4}}',
	         now(), now()),
	        (1, 'half.csv', 10, '', 'merging', '{}', '{"rows":1000,"new":400}', now(), null)`)
	b.exec(`insert into import_rejects (import_id, line, code, words, cells) values
	        (1, 17, 'email_missing', '', '{"", "=HYPERLINK(0)"}'), (1, 230, 'several_addresses', '', '{"a@b.test c@d.test", "Ann, B."}')`)
	b.contains(b.get("/imports"), "dirty.csv", "half.csv", "Merging into contacts")
	b.contains(b.get("/imports/1"), "482.1 kB", "92.2 %", "The cell for the address is empty", "5,213")
	b.contains(b.get("/imports/2"), "Not merged yet", "600", `sse-connect="/imports/2/live"`)

	for _, id := range []int64{1, 2} {
		found, err := b.store.Import(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		view := newImportView(found, noon)
		var sum, refused int64
		for _, o := range view.Outcomes {
			sum += o.Count
		}
		for _, r := range view.Reasons {
			refused += r.Count
		}
		if sum != view.Counts.Rows || refused != view.Refused() {
			t.Errorf("import %d: %d of %d rows, %d of %d refused", id, sum, view.Counts.Rows, refused, view.Refused())
		}
	}
	rows, err := csv.NewReader(strings.NewReader(b.get("/imports/1/rejected.csv").body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"Email", "Name", "line", "problem", "suggestion"},
		{"", "'=HYPERLINK(0)", "17", "the cell for the address is empty: fill it in, or remove the row", ""},
		{"a@b.test c@d.test", "Ann, B.", "230", "the cell holds more than one address: give each address a row of its own", ""},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

var assetLink = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)

// Every page is small, brings no script or style inside itself, and names no
// other server.
func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.busy()
	weights := map[string]int{}
	for _, path := range []string{"/", "/campaigns", fmt.Sprintf("/campaigns/%d", id), fmt.Sprintf("/campaigns/%d/report", id),
		"/providers", "/providers/1", "/imports", "/imports/1", "/u/" + b.link(id, 1)} {
		a := b.get(path)
		weight := len(a.body) + len(b.server.assets["vendor/inter-latin.woff2"].content)
		for _, link := range assetLink.FindAllStringSubmatch(a.body, -1) {
			if _, ok := weights[link[1]]; !ok {
				asset := b.get(link[1])
				weights[link[1]] = len(asset.body)
				if asset.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
					t.Errorf("%s: %s", link[1], asset.Header.Get("Cache-Control"))
				}
			}
			weight += weights[link[1]]
		}
		if weight > 200<<10 {
			t.Errorf("%s weighs %d bytes", path, weight)
		}
		for _, bad := range []string{" style=", "<style", " onclick", "javascript:", "//cdn", `src="http`, `href="http`} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
		if strings.Count(a.body, "<script") != strings.Count(a.body, "<script defer src=\"/assets/") {
			t.Errorf("%s holds a script inside", path)
		}
	}
}
