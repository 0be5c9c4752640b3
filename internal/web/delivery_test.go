package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
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
	b.contains(b.get("/domains?provider=1&for=7d"), "Domains of Northmail", "d1-1.test", "in the last 7 days")
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

func TestTook(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "< 1 s", 0.99: "< 1 s", 1: "1 s", 99.4: "99 s", 100: "2 min", 5969: "99 min", 5970: "1.7 h", 360_000: "100.0 h"} {
		if got := took(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}
