package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/service"
)

func TestMain(m *testing.M) {
	pgtest.Main(m, func() error {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		return goleak.Find()
	})
}

// bundle is a whole server of pages on a database of its own.
type bundle struct {
	*testing.T
	store  *postgres.Store
	server *Server
	tokens *token.Keyring
	site   *httptest.Server // everything
	public *httptest.Server // what is public
	log    *record
}

// record is a log that tests may read.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// setup starts the pages; with a password when one is given.
func setup(t *testing.T, change ...func(*Config)) *bundle {
	t.Helper()
	ctx := context.Background()
	store := storetest.Open(t, 6)
	b := &bundle{T: t, store: store, log: &record{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the server:\n%s", b.log)
		}
	})
	log := slog.New(slog.NewTextHandler(b.log, nil))
	queue, err := jobs.NewQueue(store, log)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.SecretKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	c.Sandbox.Enabled = true
	svc, err := service.New(ctx, store, queue, c, log)
	if err != nil {
		t.Fatal(err)
	}
	if b.tokens, err = svc.Tokens(ctx); err != nil {
		t.Fatal(err)
	}
	settings := Config{Service: svc, Tokens: b.tokens, Log: log, Patience: time.Minute} // whatever else the machine does
	for _, f := range change {
		f(&settings)
	}
	if b.server, err = New(settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.server.Close)
	b.site, b.public = httptest.NewServer(b.server.Handler()), httptest.NewServer(b.server.Public())
	t.Cleanup(b.site.Close)
	t.Cleanup(b.public.Close)
	t.Cleanup(b.server.Close) // before the sites: open streams would hold them
	return b
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

// do sends a request and does not follow redirects.
func (b *bundle) do(method, url, body string, header ...string) answer {
	b.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{response, string(text)}
}

// get fetches a page of the site that must be there.
func (b *bundle) get(path string, header ...string) answer {
	b.Helper()
	a := b.do(http.MethodGet, b.site.URL+path, "", header...)
	if a.StatusCode != http.StatusOK {
		b.Fatalf("GET %s: %s\n%s", path, a.Status, a.body)
	}
	return a
}

// post submits a form to the site, as a page of its own would.
func (b *bundle) post(path, form string, header ...string) answer {
	b.Helper()
	return b.do(http.MethodPost, b.site.URL+path, form,
		append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, header...)...)
}

// exec changes the database behind the pages.
func (b *bundle) exec(sql string, args ...any) {
	b.Helper()
	if _, err := b.store.Pool().Exec(context.Background(), sql, args...); err != nil {
		b.Fatalf("%v in %s", err, sql)
	}
}

// number reads one number from the database.
func (b *bundle) number(sql string, args ...any) int64 {
	b.Helper()
	var n int64
	if err := b.store.Pool().QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		b.Fatalf("%v in %s", err, sql)
	}
	return n
}

// contains fails unless the text is on the page.
func (b *bundle) contains(a answer, texts ...string) {
	b.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			b.Errorf("%q is missing on the page:\n%s", text, a.body)
		}
	}
}

// providers of the sample, with the share of a campaign's recipients in percent.
var sampleProviders = []struct {
	name  string
	share int
}{{"Northmail", 46}, {"Blue Harbor Mail", 27}, {"Postino", 14}, {"Greywall", 8}, {"Kite & Sons <Mail>", 5}}

// sample makes a list of n contacts at the sample's providers, and a campaign
// to it that is being sent. Nothing has been tried yet.
func (b *bundle) sample(n int) int64 {
	b.Helper()
	b.exec(`insert into lists (name, created_at) values ('Weekly news', now())`)
	from := 0
	for i, p := range sampleProviders {
		b.exec(`insert into providers (id, key, name) values ($1, $2, $3)`, i+1, p.name, p.name)
		b.exec(`insert into domains (name, provider_id, mail_host, resolved_at, expires_at)
		        select 'd' || $1::bigint || '-' || k || '.test', $1::bigint, 'mx', now(), now() + interval '1 day' from generate_series(1, 3) k`, i+1)
		upto := from + n*p.share/100
		if i == len(sampleProviders)-1 {
			upto = n
		}
		b.exec(`
insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
select a, a, a, d.id, now(), now(), now()
  from generate_series($1::int + 1, $2::int) k
  join domains d on d.name = 'd' || $3::bigint || '-' || (1 + k % 3) || '.test'
 cross join lateral (select 'reader' || k || '@' || d.name as a) x order by k`, from, upto, i+1)
		from = upto
	}
	b.exec(`insert into list_members (list_id, contact_id, status, since)
	        select 1, id, 'subscribed', now() - interval '1 hour' from contacts`)
	return b.launch("Autumn letter")
}

// launch makes a campaign to the sample's list and fills its ledger.
func (b *bundle) launch(name string) int64 {
	b.Helper()
	ctx, now := context.Background(), time.Now()
	id := b.draft(name)
	if _, err := b.store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Launch, At: now}, nil); err != nil {
		b.Fatal(err)
	}
	if err := b.store.OpenLedger(ctx, id, now); err != nil {
		b.Fatal(err)
	}
	for done := false; !done; {
		var err error
		if done, err = b.store.LaunchBatch(ctx, id, 50_000, now); err != nil {
			b.Fatal(err)
		}
	}
	return id
}

// draft makes a campaign to the sample's list.
func (b *bundle) draft(name string) int64 {
	b.Helper()
	id, err := b.store.CreateCampaign(context.Background(), postgres.NewCampaign{Name: name, Weight: service.WeightNormal,
		Content: campaign.Content{FromName: "The Weekly", FromAddress: "news@sender.test",
			Subject: "What the leaves say", Markdown: "Hello"},
		Settings: campaign.DefaultSettings(), TimeZone: "Europe/Warsaw", Lists: []string{"Weekly news"}}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// progress moves the first deliveries of a campaign at a provider (all when 0)
// from queued to a state, and lets the counters follow.
func (b *bundle) progress(id, provider int64, state campaign.DeliveryState, n int, reply string) {
	b.Helper()
	b.exec(`
with moved as (
    select d.ledger_id, d.id from deliveries d
     where d.campaign_id = $1 and ($2 = 0 or d.provider_id = $2) and d.state = 'queued' order by d.contact_id limit $4)
update deliveries d set state = $3::delivery_state, attempts = 1, updated_at = now(), reply = nullif($5, ''),
       code = nullif(substr($5, 1, 3), '')::smallint
  from moved m where d.ledger_id = m.ledger_id and d.id = m.id`, id, provider, string(state), n, reply)
	b.recount(id)
}

// recount makes a campaign's counters agree with its deliveries.
func (b *bundle) recount(id int64) {
	b.Helper()
	storetest.Requeue(b, b.store)
	const sums = `count(*), count(*) filter (where state = 'queued'), count(*) filter (where state = 'deferred'),
       count(*) filter (where state = 'delivered'), count(*) filter (where state = 'bounced'),
       count(*) filter (where state = 'expired'), count(*) filter (where state = 'suppressed'),
       count(*) filter (where state = 'cancelled'), count(*) filter (where state = 'in_doubt')`
	const columns = `targeted, queued, deferred, delivered, bounced, expired, suppressed, cancelled, in_doubt`
	b.exec(`delete from campaign_providers where campaign_id = $1`, id)
	b.exec(`insert into campaign_providers (campaign_id, provider_id, `+columns+`)
	        select $1, coalesce(provider_id, 0), `+sums+` from deliveries where campaign_id = $1 group by 2`, id)
	b.exec(`delete from campaign_domains where campaign_id = $1`, id)
	b.exec(`insert into campaign_domains (campaign_id, domain_id, `+columns+`)
	        select $1, domain_id, `+sums+` from deliveries where campaign_id = $1 group by 2`, id)
}

// link mints the unsubscribe token of a contact.
func (b *bundle) link(id, contact int64) string {
	return b.tokens.Mint(token.Claims{Purpose: token.Unsubscribe, Campaign: id, Contact: contact, Day: time.Now()})
}
