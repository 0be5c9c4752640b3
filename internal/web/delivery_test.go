package web

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

// The delivery report: by provider and by domain, coloured, and as files.
func TestDeliveryReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/domains"), "No campaign began in the last 30 days")
	id := b.sample(1000)
	b.progress(id, 1, campaign.Delivered, 400, "")
	b.progress(id, 1, campaign.Bounced, 20, "550 5.1.1 no such user")
	b.exec(`update deliveries set class = 'bad_mailbox', first_attempt_at = now() where state = 'bounced'`)
	b.exec(`update deliveries set first_attempt_at = updated_at - interval '5 minutes' where state = 'delivered'`)
	page := b.get("/domains")
	b.contains(page, "Northmail", `<span class="health is-act">4.7 %`, "something must be done", "5 min / 5 min", "Hard bounces below 1 % are healthy")
	if strings.Index(page.body, "Northmail") > strings.Index(page.body, "Blue Harbor") {
		t.Error("what needs attention does not stand first")
	}
	addsUp(t, page.body)
	ofOne := b.get("/domains?provider=1&for=7d")
	b.contains(ofOne, "Domains of Northmail", "d1-1.test", "in the last 7 days")
	file := regexp.MustCompile(`href="(/domains\.csv[^"]*)"`).FindStringSubmatch(ofOne.body)
	if file == nil {
		t.Fatal("the report has no file")
	}
	if lines := b.get(html.UnescapeString(file[1])).body; !strings.Contains(lines, "d1-1.test,Northmail") || strings.Contains(lines, "d2-1.test") {
		t.Errorf("the file of one provider, %s, has\n%s", file[1], lines)
	}
	b.contains(b.get("/domains?by=domain"), "d2-1.test")
	b.contains(b.get("/domains.csv?by=domain"), "domain,provider_of_domain,recipients", "d1-1.test,Northmail,")
	var figures struct{ Lines []deliveryLine }
	if err := json.Unmarshal([]byte(b.get("/domains.json").body), &figures); err != nil || len(figures.Lines) != len(sampleProviders) || figures.Lines[0].Hard != 20 {
		t.Errorf("%+v, %v", figures, err)
	}
	for _, path := range []string{"/domains?provider=x", "/domains?provider=99", "/domains.csv?provider=99"} {
		if a := b.do("GET", b.site.URL+path, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// addsUp checks that in each line of a delivery report the parts make the whole.
func addsUp(t *testing.T, page string) {
	t.Helper()
	cells := regexp.MustCompile(`data-label="(?:Recipients|Delivered|To go|Bounced hard|Bounced soft|Other)">([\d,]+)<`).FindAllStringSubmatch(page, -1)
	const columns = 6
	if len(cells) == 0 || len(cells)%columns != 0 {
		t.Fatalf("%d cells are no lines of %d", len(cells), columns)
	}
	for line := range slices.Chunk(cells, columns) {
		sum := 0
		for i, cell := range line {
			n, err := strconv.Atoi(strings.ReplaceAll(cell[1], ",", ""))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				n = -n
			}
			sum += n
		}
		if sum != 0 {
			t.Errorf("a line does not add up: %v", line)
		}
	}
}

func TestTook(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "< 1 s", 0.99: "< 1 s", 1: "1 s", 99.4: "99 s", 100: "2 min", 5969: "99 min", 5970: "1.7 h", 360_000: "100.0 h"} {
		if got := took(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}

// The queue says what waits where; the feed what happened, part by part.
func TestQueueAndEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/queue"), "Nothing waits")
	b.contains(b.get("/events"), "Nothing has happened yet")
	id := b.sample(1000)
	b.progress(id, 1, campaign.Deferred, 40, "421 4.7.0 slowly")
	b.exec(`update deliveries set first_attempt_at = now() - interval '30 minutes', due_at = now() + interval '10 minutes 30 seconds' where state = 'deferred'`)
	storetest.Requeue(t, b.store)
	b.contains(b.get("/queue"), "Autumn letter", "the oldest first tried 30 min ago", "in 10 min", `href="/providers/1/hold"`, "960</dd>", "40</dd>")
	b.exec(`insert into campaign_events (campaign_id, at, kind, words) select $1, now() - k * interval '1 minute', case when k = 7 then 'warning' else 'resume' end, 'Event ' || k from generate_series(300, 1, -1) k`, id)
	b.exec(`insert into pace_events (at, source_id, provider_id, kind, was, now, reason, reply) values (now() - interval '3 minutes', 1, 1, 'slower', 10, 5, 'said 421 no', '421 no')`)
	page := b.get("/events")
	b.contains(page, "Event 1<", "asked us to slow down: 10/s", "Event 119<")
	older := regexp.MustCompile(`id="older" href="([^"]+)"`).FindStringSubmatch(page.body)
	if older == nil {
		t.Fatal("there is no way to older events")
	}
	second := b.get(html.UnescapeString(older[1]))
	b.contains(second, "Event 121<", "The newest")
	if strings.Contains(second.body, "Event 120<") || strings.Contains(second.body, "slow down") {
		t.Error("an event stands in two parts of the feed")
	}
	trouble := b.get("/events?show=trouble")
	b.contains(trouble, "Event 7<", "slow down")
	if strings.Contains(trouble.body, "Event 8<") {
		t.Error("what is no trouble stands among it")
	}
	if a := b.do("GET", b.site.URL+"/events?events=x", ""); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// What a postmaster is told names no reader.
func TestEvidence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	b.attempts(id, 1, 12, "bounced", "mailbox", 550, "550 5.1.1 <anna.maier+news@d1-1.test>: no such user")
	b.exec(`update providers set key = 'north.test' where id = 1`)
	page := b.get("/providers/1")
	b.contains(page, "Ask its postmaster", "12 times", "550 5.1.1 &lt;…@d1-1.test&gt;: no such user", "mailto:postmaster@north.test")
	if part := page.body[strings.Index(page.body, `id="evidence"`):]; strings.Contains(part, "anna") {
		t.Error("a reader is named")
	}
	if strings.Contains(b.get("/providers/2").body, "Ask its postmaster") {
		t.Error("there is evidence of nothing")
	}
}
