package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

func TestReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(400)
	b.progress(id, 1, campaign.Delivered, 100, "")
	b.progress(id, 1, campaign.Deferred, 20, throttleWords)
	b.progress(id, 2, campaign.Bounced, 3, "550 5.1.1 no such user")
	b.attempts(id, 1, 25, "deferred", "rate", 421, throttleWords)
	b.attempts(id, 2, 3, "bounced", "mailbox", 550, "550 5.1.1 no such user")
	page := b.get(fmt.Sprintf("/campaigns/%d/report", id))
	b.contains(page, "By provider", "By domain", "d1-1.test", "<b>25 attempts</b> at Northmail: Deferred", throttleWords,
		"We sent faster than the server wants now.", "<b>3 attempts</b> at Blue Harbor Mail: Bounced", "reader1@d1-2.test",
		`href="/campaigns/1/report?state=bounced#recipients"`)
	bounced := b.get(fmt.Sprintf("/campaigns/%d/report?state=bounced", id))
	b.contains(bounced, "550 5.1.1 no such user")
	if n := len(rowName.FindAllString(bounced.body, -1)); n != 3 {
		t.Errorf("%d bounced recipients, want 3", n)
	}
	for _, bad := range []string{"?state=lost", "?after=x", "?after=-1"} {
		if a := b.do(http.MethodGet, b.site.URL+"/campaigns/1/report"+bad, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", bad, a.Status)
		}
	}
}

// A recipient is found by how the address begins, in whatever state.
func TestRecipientsByAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(recipientsLength + 150)
	b.progress(id, 1, campaign.Bounced, 3, "550 5.1.1 no such user")
	for search, want := range map[string]int{"reader7%40": 1, "+READER7%40+": 1, "reader9%40": 1, "reader9": 11, "reader": recipientsLength, "nobody": 0, "reader_": 0} {
		a := b.get(fmt.Sprintf("/campaigns/%d/report?q=%s", id, search))
		if n := len(rowName.FindAllString(a.body, -1)); n != want {
			t.Errorf("%s: %d recipients, want %d", search, n, want)
		}
		if more := strings.Contains(a.body, "There are more"); more != (search == "reader") {
			t.Errorf("%s: says that there are more: %v", search, more)
		}
	}
	b.contains(b.get(fmt.Sprintf("/campaigns/%d/report?q=nobody", id)), "begins with “nobody”.", `value="nobody"`)
}

var (
	nextLink = regexp.MustCompile(`rel="next" href="([^"#]+)`)
	rowName  = regexp.MustCompile(`<th role="rowheader" scope="row"><a href="/contacts/\d+">(reader[^<]+)</a></th>`)
)

// Page by page, everybody is seen once.
func TestRecipientsPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(350)
	b.progress(id, 0, campaign.Deferred, 250, "451 later")
	for query, want := range map[string]int{"": 350, "?state=deferred": 250, "?state=queued": 100, "?state=bounced": 0} {
		seen := map[string]bool{}
		pages := 0
		for path := fmt.Sprintf("/campaigns/%d/report%s", id, query); path != ""; pages++ {
			a := b.get(path)
			names := rowName.FindAllStringSubmatch(a.body, -1)
			if len(names) > recipientsLength {
				t.Errorf("%s has %d rows", path, len(names))
			}
			for _, name := range names {
				if seen[name[1]] {
					t.Errorf("%s comes twice", name[1])
				}
				seen[name[1]] = true
			}
			path = ""
			if link := nextLink.FindStringSubmatch(a.body); link != nil {
				path = strings.ReplaceAll(link[1], "&amp;", "&")
			}
		}
		if len(seen) != want || pages != max((want+recipientsLength-1)/recipientsLength, 1) {
			t.Errorf("%q: %d recipients on %d pages, want %d", query, len(seen), pages, want)
		}
	}
}

func TestRecipientsAsCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const all = downloadLength + 3
	id := b.sample(all)
	b.progress(id, 1, campaign.Bounced, 1, "550 =HYPERLINK(\"http://evil.test\")")
	b.exec(`update deliveries set reply = '=1+1' where state = 'bounced'`)
	b.exec(`update contacts set address = '@' || address where id = 1`)
	a := b.get(fmt.Sprintf("/campaigns/%d/report?format=csv", id))
	if got := a.Header.Get("Content-Disposition"); got != `attachment; filename="campaign-1-recipients.csv"` {
		t.Errorf("Content-Disposition: %s", got)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != all+1 {
		t.Fatalf("%d rows, want a heading and %d", len(rows), all)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		seen[row[0]] = true
	}
	if len(seen) != all {
		t.Errorf("%d different addresses, want %d", len(seen), all)
	}
	if first := rows[1]; first[0] != "'@reader1@d1-2.test" || first[1] != "bounced" || first[4] != "550" || first[6] != "'=1+1" {
		t.Errorf("the first row is %q", first)
	}
	few, err := csv.NewReader(strings.NewReader(b.get("/campaigns/1/report?format=csv&state=bounced").body)).ReadAll()
	if err != nil || len(few) != 2 {
		t.Errorf("%d bounced rows, %v", len(few), err)
	}
	if a := b.do(http.MethodGet, b.site.URL+"/campaigns/77/report?format=csv", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a campaign that does not exist: %s", a.Status)
	}
}

// What people did stands apart from what programs did in their name, and nothing
// where nothing is counted.
func TestEngagementAsCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	b.exec(`insert into engagements (campaign_id, contact_id, kind, link, machine, times, first_at, last_at)
	        values ($1, 1, 'click', 0, false, 3, '2026-11-22 09:00Z', now()), ($1, 1, 'click', 7, false, 3, '2026-11-22 09:00Z', now()),
	               ($1, 1, 'click', 0, true, 12, '2026-11-22 08:59Z', now()), ($1, 2, 'open', 0, true, 5, now(), now()),
	               ($1, 3, 'open', 0, false, 2, now(), now()), (99, 4, 'click', 0, false, 9, now(), now())`, id)
	read := func(query string) [][]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(b.get(fmt.Sprintf("/campaigns/%d/report?format=csv%s", id, query)).body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			rows[i] = rows[i][8:]
		}
		return rows
	}
	heading := []string{"first_click_at", "clicks", "opens", "clicks_by_programs", "opens_by_programs"}
	rows := read("")
	if len(rows) != 21 {
		t.Fatalf("%d rows", len(rows))
	}
	// Clicks are counted by default, opens are not: those of contacts 2 and 3 came
	// while they were.
	want := [][]string{heading, {"2026-11-22T09:00:00Z", "3", "", "12", ""}, {"", "0", "", "0", "5"}, {"", "0", "2", "0", ""}, {"", "0", "", "0", ""}}
	if diff := cmp.Diff(want, rows[:5]); diff != "" {
		t.Error(diff)
	}
	b.exec(`update campaigns set settings = settings || '{"tracking": {"clicks": false, "opens": true}}'`)
	want = [][]string{heading, {"2026-11-22T09:00:00Z", "3", "0", "12", "0"}, {"", "", "0", "", "5"}}
	b.server.snapshots.changed(id)
	if diff := cmp.Diff(want, read("&state=queued")[:3]); diff != "" {
		t.Error(diff)
	}
}

// Domains beyond the table share a row, so that its columns add up to the whole.
func TestDomainTalliesAddUp(t *testing.T) {
	t.Parallel()
	var domains []postgres.DomainCounters
	whole := campaign.Counters{}
	for i := range tallyRows + 50 {
		c := campaign.Counters{Targeted: 4, Delivered: 2, Queued: 1, Bounced: 1}
		whole = whole.Add(c)
		if i < tallyRows {
			domains = append(domains, postgres.DomainCounters{Domain: fmt.Sprint(i), Counters: c})
		}
	}
	rows := domainTallies(domains, whole)
	var sum campaign.Counters
	for _, row := range rows {
		sum = sum.Add(row.Counters)
	}
	if len(rows) != tallyRows+1 || sum != whole || !sum.AddsUp() {
		t.Errorf("%d rows add up to %+v, the whole is %+v", len(rows), sum, whole)
	}
	if few := domainTallies(domains[:3], whole); len(few) != 3 {
		t.Errorf("%d rows for 3 domains", len(few))
	}
}
