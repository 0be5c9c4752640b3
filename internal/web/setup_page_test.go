package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

// internet starts a simulated one, and lets a service ask its DNS.
func internet(t *testing.T) (*sandbox.Sandbox, func(*Config)) {
	t.Helper()
	file, problems, err := sandbox.Load(strings.NewReader("providers:\n  - {name: North, domains: [north.test]}\n"), "test.yaml")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	world, err := sandbox.Start(context.Background(), file, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Stop(); err != nil {
			t.Error(err)
		}
	})
	return world, func(c *Config) { c.Service.Config.DNS.Servers = []string{world.DNSAddr()} }
}

// outside makes a service one that sends for real, as far as settings go.
func outside(c *Config) { c.Service.Config.Sandbox.Enabled = false }

func TestSetupSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, asks := internet(t)
	b := setup(t, asks)
	until := func(texts ...string) answer { // the checkup takes a moment
		t.Helper()
		a := b.get("/setup/live")
		b.contains(a, texts...)
		return a
	}
	until("0 of 6", `href="/welcome"`, "No address is set that unsubscribe links lead to", "public_url = &#34;https://news.example.com&#34;",
		"No domain has a key", "helo_name = &#34;mail.example.com&#34;", `href="/imports/new"`)
	if a := b.post("/setup/domain", "domain=not+one"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a bad domain: %s", a.Status)
	} else {
		b.contains(a, "is not a domain that mail can come from", `value="not one"`)
	}
	c := &b.server.service.Config
	c.Sending.BounceDomain, c.Sending.HELOName, c.Sending.Source = "bounces.mill.test", "mail.mill.test", "198.51.100.7"
	if a := b.post("/setup/domain", "domain=Mill.test"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if a := b.post("/setup/domain", "domain=mill.test"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("twice: %s", a.Status)
	}
	records, err := b.server.service.DKIMRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := until("No SPF record says that 198.51.100.7 may send", "v=spf1 ip4:198.51.100.7 -all", records[0].Name,
		"There is no DMARC record", "No MX record leads", "mail.mill.test has no address", "198.51.100.7 has no name")
	if !strings.Contains(a.body, strings.NewReplacer("+", "&#43;").Replace(records[0].Value)) {
		t.Error("the key's record is not shown")
	}
	if n := strings.Count(a.body, "data-copy="); n < 10 {
		t.Errorf("%d buttons that copy", n)
	}
}

func TestSetupTurnsGreen(t *testing.T) {
	t.Parallel()
	world, asks := internet(t)
	b := setup(t, asks)
	b.sample(10)
	svc := b.server.service
	if err := svc.AddSendingDomain(t.Context(), "mill.test", service.Actor{Name: "ann", Door: service.Pages}); err != nil {
		t.Fatal(err)
	}
	records, err := svc.DKIMRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range []string{"bounces.mill.test TXT v=spf1 ip4:198.51.100.7 -all", records[0].Name + " TXT " + records[0].Value,
		"_dmarc.mill.test TXT v=DMARC1; p=none; rua=mailto:a@mill.test", "bounces.mill.test MX 10 mail.mill.test.",
		"mail.mill.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR mail.mill.test."} {
		if err := world.AddRecord(record); err != nil {
			t.Fatal(err)
		}
	}
	c := &svc.Config
	c.Sending.BounceDomain, c.Sending.HELOName, c.Sending.Source = "bounces.mill.test", "mail.mill.test", "198.51.100.7"
	c.Inbound.Listen, c.Web.PublicURL = "127.0.0.1:2525", b.public.URL
	called := ""
	svc.ReachWith(func(_ context.Context, domain string) (string, string, error) {
		called = domain
		return "mx1.north.test", "220 mx1.north.test ready", nil
	})
	entered := b.post("/welcome", url.Values{"address": {"ann@north.test"}, "name": {"Ann"}, "password": {pass}}.Encode())
	owner := cookieOf(b, entered)
	b.contains(b.get("/setup/live", "Cookie", owner), "5 of 6", "mill.test can send.", "Receivers can tell who connects",
		"mx1.north.test answered", "No message was sent yet")
	if called != "north.test" {
		t.Errorf("called upon %q", called)
	}
	b.contains(b.get("/setup", "Cookie", owner), `value="ann@north.test"`)
	if a := b.post("/setup/test", "to=nobody", "Cookie", owner); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a test to no address: %s", a.Status)
	}
	if a := b.post("/setup/test", "to=ann%40north.test", "Cookie", owner); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("test: %s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/setup/live", "Cookie", owner), "The message to ann@north.test is on its way")
	if n := b.number(`select count(*) from instance where name = 'setup over'`); n != 0 {
		t.Error("it is over before all is green")
	}
	b.exec(`update deliveries set state = 'delivered', tls = true, reply = '250 2.0.0 taken' where campaign_id = (select id from campaigns where system)`)
	b.contains(b.get("/setup/live", "Cookie", owner), "All six are green", "250 2.0.0 taken",
		"has accepted a message for ann@north.test, encrypted on its way. Its DKIM signature can be verified")
	if n := b.number(`select count(*) from instance where name = 'setup over'`); n != 1 {
		t.Error("it is not over when all is green")
	}
}

// Without a name server nothing is green that was not looked up.
func TestSetupWithoutDNS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.server.service.AddSendingDomain(t.Context(), "mill.test", service.Actor{Name: "ann", Door: service.Pages}); err != nil {
		t.Fatal(err)
	}
	b.exec(`insert into providers (id, key, name) values (1, 'North', 'North')`)
	b.exec(`insert into provider_minutes (provider_id, minute, attempts, accepted) values (1, now(), 1, 1)`)
	b.contains(b.get("/setup/live"), "0 of 6", "The DNS could not be asked", "It cannot be asked: no DNS server is set")
}

func TestSetupIsPutAway(t *testing.T) {
	t.Parallel()
	_, asks := internet(t)
	b := setup(t, asks, outside)
	b.contains(b.get("/"), `href="/setup"`, "0 of 6 are green; next: Owner account")
	b.contains(b.get("/setup"), "Do not show it there any more")
	if a := b.post("/setup/dismiss", ""); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if a := b.get("/"); strings.Contains(a.body, "Go on with the setup") {
		t.Error("the dashboard still speaks of it")
	}
	if a := b.get("/setup"); strings.Contains(a.body, "Do not show it there any more") {
		t.Error("it can be put away twice")
	}
	first := b.post("/welcome", url.Values{"address": {"ann@mill.org"}, "password": {pass}}.Encode())
	if to := first.Header.Get("Location"); to != "/setup" {
		t.Errorf("the first owner is led to %q", to)
	}
}

// Real campaigns stay locked until the signing key can be found in DNS.
func TestUnpublishedKeyLocks(t *testing.T) {
	t.Parallel()
	_, asks := internet(t)
	b := setup(t, asks, outside)
	b.sample(10)
	c := &b.server.service.Config
	c.Sending.BounceDomain, c.Sending.HELOName, c.Sending.Source = "bounces.mill.org", "mail.mill.org", "198.51.100.7"
	c.Web.PublicURL = b.public.URL
	if err := b.server.service.AddSendingDomain(t.Context(), "mill.org", service.Actor{Name: "ann", Door: service.Pages}); err != nil {
		t.Fatal(err)
	}
	path := b.write(newsletter("from_address", "news@letters.mill.org"))
	b.post(path+"/audience", "in=1")
	b.get("/setup/live") // waits for the DNS
	b.contains(b.get(path+"/schedule"), "Missing: the DKIM record of mill.org in DNS")
	if a := b.post(path+"/schedule", "when=now"); a.StatusCode == http.StatusSeeOther {
		t.Error("it goes out unsigned, as receivers see it")
	}
	owner := cookieOf(b, b.post("/welcome", url.Values{"address": {"ann@mill.org"}, "password": {pass}}.Encode()))
	invited := b.post("/people/invite", url.Values{"address": {"bob@mill.org"}, "role": {"editor"}}.Encode(), "Cookie", owner)
	b.contains(invited, "The signing key of mill.org is not published yet", "/join/")
}
