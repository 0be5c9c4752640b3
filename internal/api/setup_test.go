package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var tester = service.Actor{Name: "tester", Door: service.CommandLine}

// bundle is the API of a database of its own, with two providers, a campaign
// that is being sent and a token of each scope.
type bundle struct {
	*testing.T
	store         *postgres.Store
	service       *service.Service
	api           *Server
	site          *httptest.Server
	read, operate string // tokens
	campaign      int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	ctx := context.Background()
	store := storetest.Open(t, 6)
	b := &bundle{T: t, store: store}
	log := slog.New(slog.DiscardHandler)
	queue, err := jobs.NewQueue(store, log)
	b.must(err)
	c := config.Default()
	c.SecretKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	c.Sandbox.Enabled = true
	b.service, err = service.New(ctx, store, queue, c, log)
	b.must(err)
	b.read, err = b.service.CreateAPIToken(ctx, "reader", service.ScopeRead, tester)
	b.must(err)
	b.operate, err = b.service.CreateAPIToken(ctx, "operator", service.ScopeOperate, tester)
	b.must(err)
	b.api, err = New(Config{Service: b.service, Log: log})
	b.must(err)
	b.site = httptest.NewServer(b.api)
	t.Cleanup(b.site.Close)
	b.sample()
	return b
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) exec(sql string, args ...any) {
	b.Helper()
	_, err := b.store.Pool().Exec(context.Background(), sql, args...)
	b.must(err)
}

// sample fills the database: Northmail was mailed and has learned something,
// Blue Harbor was never mailed.
func (b *bundle) sample() {
	b.Helper()
	ctx, now := context.Background(), time.Now()
	source, err := b.store.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	b.must(err)
	b.exec(`insert into providers (id, key, name) values (1, 'northmail.test', 'Northmail'), (2, 'harbor.example', 'Blue Harbor')`)
	b.exec(`insert into domains (name, provider_id, mail_host, resolved_at, expires_at)
	        values ('north.test', 1, 'mx', now(), now() + interval '1 day')`)
	b.exec(`insert into lists (name, created_at) values ('Readers', now()), ('Staff', now())`)
	b.exec(`
insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
select a, a, a, 1, now(), now(), now() from (select 'reader' || k || '@north.test' as a from generate_series(1, 40) k) x`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) select 1, id, 'subscribed', now() - interval '1 hour' from contacts`)
	b.campaign = b.launch("Autumn")
	b.exec(`update deliveries set state = 'deferred', attempts = 1, first_attempt_at = now() - interval '47 hours'
	         where id in (select id from deliveries order by id limit 3)`)
	storetest.Requeue(b, b.store)
	b.exec(`update campaign_providers set queued = queued - 3, deferred = 3`)
	state := pacing.New(pacing.Profile{}, now.Add(-time.Minute))
	refusal := reply.Meaning{Class: reply.ClassRate, Bounce: reply.BounceRateLimited, Scope: reply.ScopeSource, Temporary: true}
	var decisions []pacing.Decision
	for i := range 100 {
		at := now.Add(time.Duration(i-120) * 500 * time.Millisecond)
		event := pacing.Event{Kind: pacing.Accepted, At: at, Launched: at.Add(-50 * time.Millisecond), Count: 3, Lanes: 2}
		if i%25 == 24 {
			event = pacing.Event{Kind: pacing.Refused, At: at, Launched: at.Add(-50 * time.Millisecond), Meaning: refusal, Code: 421,
				Reply: "421 4.7.0 Too fast", Lanes: 2}
		}
		var made []pacing.Decision
		state, made = pacing.Step(state, []pacing.Event{event}, at)
		decisions = append(decisions, made...)
	}
	stored, err := json.Marshal(state)
	b.must(err)
	b.exec(`insert into paces (source_id, provider_id, state, updated_at) values ($1, 1, $2, now())`, source, stored)
	for _, d := range decisions {
		b.exec(`insert into pace_events (at, source_id, provider_id, kind, was, now, reason, reply) values ($1, $2, 1, $3, $4, $5, $6, $7)`,
			d.At, source, string(d.Kind), d.Was, d.Now, d.Reason, d.Reply)
	}
	b.exec(`
insert into attempts (at, ledger_id, delivery_id, campaign_id, contact_id, provider_id, node_id, outcome, host, phase,
                      code, enhanced, class, bounce, rule, reply, took_ms)
select now() - k * interval '1 second', 1, k, $1, k, 1, 1, 'deferred', 'mx.test', 'rcpt', 421, '', 'rate', '', 'rule', '421 4.7.0 Too fast', 40
  from generate_series(1, 7) k`, b.campaign)
}

// launch makes a campaign to all readers and fills its ledger.
func (b *bundle) launch(name string) int64 {
	b.Helper()
	ctx, now := context.Background(), time.Now()
	id, err := b.store.CreateCampaign(ctx, postgres.NewCampaign{Name: name, Weight: service.WeightNormal,
		Content:  campaign.Content{FromAddress: "news@sender.test", Subject: "What the leaves say", Markdown: "Hello"},
		Settings: campaign.DefaultSettings(), TimeZone: "Europe/Warsaw", Lists: []string{"Readers"}}, now)
	b.must(err)
	_, err = b.store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Launch, At: now}, nil)
	b.must(err)
	b.must(b.store.OpenLedger(ctx, id, now))
	for done := false; !done; {
		done, err = b.store.LaunchBatch(ctx, id, 1000, now)
		b.must(err)
	}
	return id
}

// workImports works all imports to their end, as a node does.
func (b *bundle) workImports() {
	b.Helper()
	bulk := &jobs.Bulk{Store: b.store, Log: slog.New(slog.DiscardHandler), Erased: b.service.ErasureHash}
	all, err := b.store.Imports(b.Context(), 100)
	b.must(err)
	for _, i := range all {
		if !i.State.Settled() {
			b.must(bulk.Import(b.Context(), i.ID))
		}
	}
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

// call makes a call with the token of a scope; header are pairs.
func (b *bundle) call(method, path, token, body string, header ...string) answer {
	b.Helper()
	request, err := http.NewRequest(method, b.site.URL+Prefix+path, strings.NewReader(body))
	b.must(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	b.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	b.must(err)
	return answer{response, string(text)}
}

// into decodes an answer.
func into[T any](t testing.TB, a answer) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return value
}

// problem requires that an answer is a problem with a status and a code.
func (b *bundle) problem(a answer, status int, code string) Problem {
	b.Helper()
	p := into[Problem](b, a)
	if a.StatusCode != status || p.Code != code || p.Status != status || a.Header.Get("Content-Type") != "application/problem+json" {
		b.Errorf("%s %s\n%s\nwant %d %s", a.Status, a.Header.Get("Content-Type"), a.body, status, code)
	}
	return p
}
