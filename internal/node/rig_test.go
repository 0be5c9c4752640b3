package node

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

// rig is a database and a sandbox that nodes of a test work for.
type rig struct {
	t       testing.TB
	config  config.Config
	sandbox *sandbox.Sandbox
	keyless bool // launch makes no signing key
}

// quick are n receivers that take everything at once, each with a domain of its
// own: north1.test, north2.test and so on.
func quick(n int) (internet string, domains []string) {
	internet = "providers:\n"
	for i := range n {
		domains = append(domains, fmt.Sprintf("north%d.test", i+1))
		internet += fmt.Sprintf("  - {name: North %d, domains: [%s], latency: {reply: 1ms, message: 2ms}}\n", i+1, domains[i])
	}
	return internet, domains
}

// slow is one receiver that takes its time for each message.
func slow(message time.Duration) string {
	return fmt.Sprintf("providers:\n  - {name: Northmail, domains: [north.test], latency: {reply: 1ms, message: %s}}\n", message)
}

func newRig(t testing.TB, internet string) *rig {
	t.Helper()
	file, problems, err := sandbox.Load(strings.NewReader(internet), "test.yaml")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	world, err := sandbox.Start(context.Background(), file, sandbox.Options{KeepBodies: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := config.Default()
	c.Data = t.TempDir()
	c.Roles = []string{"lanes", "bulk"}
	c.Database.URL = pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint())
	c.Database.Connections = 12
	c.Sandbox.Enabled = true
	c.DNS.Servers = []string{world.DNSAddr()}
	c.Sending.SMTPPort = world.SMTPPort()
	return &rig{t: t, config: c, sandbox: world}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// node starts a node with connections of its own. It is stopped with the test.
func (r *rig) node() *Node {
	r.t.Helper()
	log := slog.New(slog.DiscardHandler)
	database, err := OpenDatabase(context.Background(), r.config, log)
	r.must(err)
	n, err := Start(context.Background(), r.config, database, log)
	r.must(err)
	r.t.Cleanup(func() { _ = n.Stop() }) // whoever stops it before looks at the error
	return n
}

// launch sends a newsletter to n readers of each domain, and returns its id once
// its ledger is filled.
func (r *rig) launch(n *Node, readers int, domains ...string) int64 {
	r.t.Helper()
	ctx := r.t.Context()
	if !r.keyless {
		record, err := n.Service.GenerateDKIM(ctx, "sender.test", "")
		r.must(err)
		r.sandbox.AddTXT(record.Name, record.Value)
	}
	file := "email\n"
	for _, domain := range domains {
		for i := range readers {
			file += fmt.Sprintf("reader%d@%s\n", i+1, domain)
		}
	}
	imported, err := n.Service.Upload(ctx, "readers.csv", strings.NewReader(file), service.ImportOptions{List: "Readers", Consent: "Sign-up form"})
	r.must(err)
	r.until(time.Minute, "imported", func() bool {
		i, err := n.Database.Store.Import(ctx, imported)
		return err == nil && service.Done(i)
	})
	settings := campaign.DefaultSettings()
	second := campaign.Duration(time.Second)
	settings.Retry = campaign.Retry{Steps: []campaign.Duration{second}, Throttled: second, Greylisted: second, Mailbox: second}
	id, err := n.Service.CreateCampaign(ctx, service.Draft{Name: "Notes", Lists: []string{"Readers"}, Settings: settings,
		Content: campaign.Content{FromName: "Notes", FromAddress: "notes@sender.test", Subject: "Hello",
			Markdown: "Hello. [Leave]({{ unsubscribe_url }})", PostalAddress: "1 Harbour Lane"}})
	r.must(err)
	r.must(n.Service.Launch(ctx, id))
	r.until(time.Minute, "launched", func() bool { return r.campaign(n, id).LaunchDone })
	return id
}

func (r *rig) campaign(n *Node, id int64) postgres.Campaign {
	r.t.Helper()
	r.must(n.Database.Store.Count(context.Background()))
	c, err := n.Database.Store.Campaign(context.Background(), id)
	r.must(err)
	return c
}

// until waits for a condition, for at most a time.
func (r *rig) until(most time.Duration, what string, met func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(most)
	for !met() {
		if time.Now().After(deadline) {
			r.t.Fatalf("after %s still not: %s", most, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// number returns the single value of a query, on connections of its own.
func (r *rig) number(sql string, args ...any) int64 {
	r.t.Helper()
	store, err := postgres.Open(context.Background(), r.config.Database.URL, 1)
	r.must(err)
	defer store.Close()
	var n int64
	r.must(store.Pool().QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

// accounted requires that the counters say what the ledger holds, that nothing
// is in hand, and that receivers hold each delivered message: once, or at most
// repeats times twice.
func (r *rig) accounted(id int64, repeats int) {
	r.t.Helper()
	store, err := postgres.Open(context.Background(), r.config.Database.URL, 1)
	r.must(err)
	defer store.Close()
	checked, err := store.Check(context.Background())
	r.must(err)
	if len(checked.Differences) > 0 {
		r.t.Errorf("the counters differ from the ledger: %+v", checked.Differences)
	}
	if n := r.number(`select count(*) from claims c join deliveries d on d.ledger_id = c.ledger_id and d.id = any(c.deliveries)
	                   where d.state in ('queued', 'deferred')`); n > 0 {
		r.t.Errorf("%d deliveries are in hand, and nobody works", n)
	}
	copies := make(map[string]int)
	for _, m := range r.sandbox.Received() {
		copies[strings.ToLower(m.Recipient)]++
	}
	recipients, err := store.Recipients(context.Background(), id, "", 0, 10_000)
	r.must(err)
	for _, p := range recipients {
		n := copies[p.Address]
		if n > 1 {
			repeats -= n - 1
		}
		if p.State == campaign.Delivered && n == 0 {
			r.t.Errorf("%s is delivered, and nobody has it", p.Address)
		}
		if p.State == campaign.Queued && n > 0 {
			r.t.Errorf("%s is queued, and a receiver has it", p.Address)
		}
	}
	if repeats < 0 {
		r.t.Errorf("%d messages more arrived twice than could be in doubt", -repeats)
	}
}
