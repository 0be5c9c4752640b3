package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/pacing/reply"
)

// noon is when most tests happen.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// fataler is a test, or one run of a property.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a database with a list of contacts, for tests of the ledger.
type world struct {
	*Store
	t   fataler
	now time.Time
}

// newWorld opens a world in which nodes 1 to 8 live.
func newWorld(t testing.TB) *world {
	w := &world{Store: open(t), t: t, now: noon}
	for range 8 {
		_, err := w.RegisterNode(context.Background(), "test", "", []string{"lanes"}, noon)
		w.must(err)
	}
	return w
}

// empty gives up all contacts, campaigns and what belongs to them: quicker than
// another database for every case of a table.
func (w *world) empty() {
	w.t.Helper()
	w.exec(`truncate deliveries, attempts, contacts, list_members, lists, domains, campaigns, suppressions, imports, import_rows,
	        soft_bounces, provider_minutes, provider_breakers, provider_means, inbound_mails, mail_queue, claims cascade`)
	w.now = noon
}

// requeue makes the queue agree with a ledger that was changed by hand.
func (w *world) requeue() {
	w.t.Helper()
	w.exec(`truncate mail_queue`)
	w.exec(`insert into mail_queue select ` + sqlQueueColumns + ` from deliveries d where d.state in ('queued', 'deferred')`)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(context.Background(), sql, args...)
	w.must(err)
}

// one returns the single value of a query.
func one[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	var v T
	w.must(w.pool.QueryRow(context.Background(), sql, args...).Scan(&v))
	return v
}

// join makes contacts, whose canonical key is the address without a +tag, and
// lets them join a list. It returns their ids.
func (w *world) join(list string, addresses ...string) []int64 {
	w.t.Helper()
	ctx := context.Background()
	w.exec(sqlEnsureList, list, w.now)
	ids := make([]int64, len(addresses))
	for i, address := range addresses {
		local, domain, _ := strings.Cut(address, "@")
		local, _, _ = strings.Cut(local, "+")
		var err error
		ids[i], err = w.EnsureContact(ctx, NewContact{Address: address, AddressKey: address,
			CanonicalKey: local + "@" + domain, Domain: domain}, w.now)
		w.must(err)
		w.exec(`insert into list_members (list_id, contact_id, status, since)
		        select id, $2, 'subscribed', $3 from lists where name = $1`, list, ids[i], w.now)
	}
	return ids
}

// crowd lets n contacts of each domain join a list.
func (w *world) crowd(list string, n int, domains ...string) {
	w.t.Helper()
	w.exec(sqlEnsureList, list, w.now)
	w.exec(`insert into domains (name) select unnest($1::text[]) on conflict do nothing`, domains)
	w.exec(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
	        select a, a, a, d.id, $2, $2, $2 from domains d, generate_series(1, $3) n,
	               lateral (select format('reader%s@%s', n, d.name) as a) address
	         where d.name = any($1)`, domains, w.now, n)
	w.exec(`insert into list_members (list_id, contact_id, status, since)
	        select l.id, c.id, 'subscribed', $3 from lists l, contacts c join domains d on d.id = c.domain_id
	         where l.name = $1 and d.name = any($2)`, list, domains, w.now)
}

func (w *world) domain(name string) int64 {
	w.t.Helper()
	return one[int64](w, `select id from domains where name = $1`, name)
}

// at returns the provider of a domain, which gets one of its own name.
func (w *world) at(domain string) int64 {
	w.t.Helper()
	w.look(domain, domain)
	return one[int64](w, `select provider_id from domains where name = $1`, domain)
}

// provider returns the provider with a key.
func (w *world) provider(key string) int64 {
	w.t.Helper()
	return one[int64](w, `select id from providers where key = $1`, key)
}

// look stores that a provider runs the mail hosts of a domain.
func (w *world) look(domain, provider string) {
	w.t.Helper()
	w.must(w.SaveLooks(context.Background(), []Look{{Domain: w.domain(domain), Found: MailHostMX, MX: []string{"mx." + domain},
		ProviderKey: provider, Provider: "Provider " + provider, Expires: w.now.Add(24 * time.Hour)}}, w.now))
}

// draft makes a campaign to a list.
func (w *world) draft(list string, exclude ...string) int64 {
	w.t.Helper()
	id, err := w.CreateCampaign(context.Background(), NewCampaign{Name: "Notes", Weight: 4,
		Settings: campaign.DefaultSettings(), TimeZone: "UTC", Lists: []string{list}, Exclude: exclude}, w.now)
	w.must(err)
	return id
}

func (w *world) change(id int64, verb campaign.Verb) {
	w.t.Helper()
	_, err := w.ChangeCampaign(context.Background(), id, Change{Verb: verb, At: w.now}, nil)
	w.must(err)
}

// launch makes a campaign to a list and fills its ledger.
func (w *world) launch(list string, exclude ...string) int64 {
	w.t.Helper()
	id := w.draft(list, exclude...)
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	w.fill(id, 1000)
	return id
}

// fill fills a ledger to the end, in batches of a size.
func (w *world) fill(id int64, size int) {
	w.t.Helper()
	for done := false; !done; {
		var err error
		done, err = w.LaunchBatch(context.Background(), id, size, w.now)
		w.must(err)
	}
}

// Claim claims for one lane, and returns how many were suppressed instead.
func (w *world) Claim(ctx context.Context, r ClaimRequest, done ...int64) ([]Claimed, int, error) {
	w.t.Helper()
	r.Ledger = one[int32](w, `select ledger_id from campaigns where id = $1`, r.Campaign)
	taken, err := w.Store.Claim(ctx, []ClaimRequest{r}, done...)
	if err != nil {
		return nil, 0, err
	}
	return taken[0].Deliveries, taken[0].Suppressed, nil
}

// claim claims for a node what is due now.
func (w *world) claim(id, provider, node int64, limit int) []Claimed {
	w.t.Helper()
	claimed, _, err := w.Claim(context.Background(), ClaimRequest{Campaign: id, Provider: provider, Node: node, Limit: limit, Now: w.now})
	w.must(err)
	return claimed
}

// accepted, refused and doubted are outcomes of a claimed delivery.
func (w *world) accepted(d Claimed, provider int64) Outcome {
	o := w.attempted(d, provider)
	o.To, o.Reply = campaign.Delivered, reply.Reply{Phase: reply.PhaseDot, Code: 250, Lines: []string{"2.0.0 ok"}}
	return o
}

func (w *world) refused(d Claimed, provider int64, to campaign.DeliveryState, code int, words string) Outcome {
	o := w.attempted(d, provider)
	o.To, o.Due = to, w.now.Add(time.Minute)
	o.Reply = reply.Reply{Phase: reply.PhaseRcpt, Code: code, Lines: []string{words}}
	o.Meaning = reply.Meaning{Class: reply.ClassMailbox, Bounce: reply.BounceBadMailbox, Temporary: to == campaign.Deferred}
	return o
}

func (w *world) doubted(d Claimed, provider int64) Outcome {
	o := w.attempted(d, provider)
	o.To, o.Due, o.InDoubt = campaign.Deferred, w.now, true
	o.Reply = reply.Reply{Phase: reply.PhaseDot, Lines: []string{"connection lost"}}
	return o
}

func (w *world) attempted(d Claimed, provider int64) Outcome {
	o := Outcome{Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.DomainID,
		Provider: provider, Node: 1, From: d.State, Number: d.Attempts + 1, First: w.now, At: w.now}
	if d.FirstAttempt != nil {
		o.First = *d.FirstAttempt
	}
	return o
}

// lose lets the node of a claim be found dead, without any doubt, and returns it.
func (w *world) lose(d Claimed) int64 {
	w.t.Helper()
	node, err := w.RegisterNode(context.Background(), "lost", "", []string{}, w.now)
	w.must(err)
	w.exec(`update claims set node_id = $1 where epoch = $2`, node, d.Epoch)
	w.must(w.Release(context.Background(), d.Epoch))
	w.exec(`delete from nodes where id = $1`, node)
	return node
}

func (w *world) record(outcomes ...Outcome) {
	w.t.Helper()
	w.must(w.Record(context.Background(), outcomes))
	w.must(w.Count(context.Background()))
}

// state returns the state of a contact's delivery and whether it is claimed.
func (w *world) state(id, contact int64) string {
	w.t.Helper()
	return one[string](w, `select state::text || case when state in ('queued', 'deferred') and exists (
	           select from claims c cross join lateral unnest(c.deliveries, c.attempts) k(id, attempts)
	            where k.id = d.id and k.attempts = d.attempts and d.ledger_id = c.ledger_id
	              and not exists (select from mail_queue q where q.delivery_id = d.id)) then ', claimed' else '' end ||
	       case when doubted then ', doubted' else '' end
	  from deliveries d where campaign_id = $1 and contact_id = $2`, id, contact)
}

// totals returns a campaign's counters after a recount of the whole ledger.
func (w *world) totals(id int64) campaign.Counters {
	w.t.Helper()
	w.balanced()
	w.must(w.Count(context.Background()))
	w.balanced()
	c, err := w.Campaign(context.Background(), id)
	w.must(err)
	if !c.Counters.AddsUp() {
		w.t.Fatalf("campaign %d does not add up: %+v", id, c.Counters)
	}
	return c.Counters
}

// balanced requires that the counters say what the ledger holds.
func (w *world) balanced() {
	w.t.Helper()
	checked, err := w.Check(context.Background())
	w.must(err)
	if len(checked.Differences) > 0 {
		w.t.Fatalf("the counters differ from the ledger: %+v", checked.Differences)
	}
}

// unquarrelled requires that no transaction was broken off because two waited
// for each other.
func (w *world) unquarrelled() {
	w.t.Helper()
	w.exec(`select pg_stat_clear_snapshot()`)
	if n := one[int64](w, `select deadlocks from pg_stat_database where datname = current_database()`); n > 0 {
		w.t.Fatalf("%d transactions were broken off by deadlocks", n)
	}
}

func addresses(claimed []Claimed) []string {
	list := make([]string, len(claimed))
	for i, d := range claimed {
		list[i] = d.Address
	}
	return list
}

func readers(n int, domain string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("reader%d@%s", i+1, domain)
	}
	return list
}

func idText(node int64) string { return fmt.Sprint(node) }
