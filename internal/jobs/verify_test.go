package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/sandbox"
)

// verifyWorld is a database with a list, a name server, and a queue that works.
type verifyWorld struct {
	*testing.T
	store *postgres.Store
	names *sandbox.Names
	queue *Queue
	bulk  *Bulk
}

func newVerifyWorld(t *testing.T, records []string, addresses ...string) *verifyWorld {
	t.Helper()
	store := storetest.Open(t, 12)
	names, err := sandbox.StartNames(records, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := names.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w := &verifyWorld{T: t, store: store, names: names}
	w.exec(`insert into lists (name, created_at) values ('Readers', now())`)
	for _, a := range addresses {
		w.join(a)
	}
	return w
}

func (w *verifyWorld) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.store.Pool().Exec(context.Background(), sql, args...); err != nil {
		w.Fatal(err)
	}
}

func (w *verifyWorld) join(address string) {
	w.Helper()
	_, domain, _ := strings.Cut(address, "@")
	id, err := w.store.EnsureContact(context.Background(), postgres.NewContact{Address: address, AddressKey: address, CanonicalKey: address, Domain: domain}, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	w.exec(`insert into list_members (list_id, contact_id, status, since) values (1, $1, 'subscribed', now())`, id)
}

// start lets jobs be worked, with a resolver that remembers nothing of an
// earlier start, as after a restart of the process.
func (w *verifyWorld) start() {
	w.Helper()
	resolver, err := dnsclient.New(dnsclient.Config{Servers: []netip.AddrPort{w.names.Addr()}, LoopbackOnly: true})
	if err != nil {
		w.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.bulk = &Bulk{Store: w.store, Node: 1, Resolver: resolver, Log: log, Sandboxed: true}
	if w.queue, err = Start(context.Background(), w.store, Work{Node: 1, Bulk: w.bulk}, log); err != nil {
		w.Fatal(err)
	}
}

func (w *verifyWorld) stop(within time.Duration) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := w.queue.Stop(ctx); err != nil {
		w.Error(err)
	}
}

// ask inserts a verification of the list.
func (w *verifyWorld) ask() int64 {
	w.Helper()
	id, err := w.store.NewVerification(context.Background(), postgres.VerificationScope{List: 1}, time.Now(), func(tx pgx.Tx, id int64) error {
		return w.queue.VerifyTx(context.Background(), tx, id)
	})
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// until waits for a state of a verification.
func (w *verifyWorld) until(id int64, holds func(postgres.Verification) bool) postgres.Verification {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		v, err := w.store.Verification(context.Background(), id)
		if err != nil {
			w.Fatal(err)
		}
		if holds(v) {
			return v
		}
		if time.Now().After(deadline) {
			w.Fatalf("the verification stands at %+v", v)
		}
	}
}

func done(v postgres.Verification) bool { return v.State == postgres.VerificationDone }

// verdicts returns "verdict reason" by address.
func (w *verifyWorld) verdicts() map[string]string {
	w.Helper()
	rows, err := w.store.Pool().Query(context.Background(), `select address, verdict || ' ' || reasons[1] from contacts`)
	if err != nil {
		w.Fatal(err)
	}
	found := make(map[string]string)
	var address, verdict string
	if _, err := pgx.ForEachRow(rows, []any{&address, &verdict}, func() error { found[address] = verdict; return nil }); err != nil {
		w.Fatal(err)
	}
	return found
}

func TestVerify(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"anna@good.test": "unproven no_history", "bert@good.test": "unproven no_history", "info@good.test": "risky role_shared",
		"anna@implicit.test": "unproven no_history", "anna@null.test": "undeliverable domain_null_mx",
		"anna@gone.test": "unknown dns_temporary", "anna@private.test": "undeliverable mx_unroutable",
		"anna@dead.test": "unknown dns_temporary", "anna@trash.test": "risky disposable", "wire@good.test": "risky role_shared",
		"refused@good.test": "undeliverable mailbox_unknown",
	}
	w := newVerifyWorld(t, []string{"good.test MX 10 mx.good.test", "mx.good.test A 127.0.0.2", "implicit.test A 127.0.0.3", "null.test MX 0 .",
		"private.test MX 10 mx.private.test", "mx.private.test A 10.0.0.1", "dead.test MX 10 nowhere.dead.test", "trash.test MX 10 mx.good.test"},
		slices.Sorted(maps.Keys(want))...)
	w.exec(`insert into suppressions (scope, kind, key, reason, evidence, created_at)
	        values ('global', 'address', 'refused@good.test', 'bounced', '{"reply": "550 5.1.1 no such user"}', now())`)
	for kind, body := range map[string]string{"disposable": "trash.test\n", "role": "wire\n"} {
		if _, err := w.store.SaveRiskList(t.Context(), postgres.RiskList{Kind: kind, Source: "test", Entries: 1}, body, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	defer w.stop(time.Minute)
	v := w.until(w.ask(), done)
	if diff := cmp.Diff(want, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if v.Judged() != int64(len(want)) || v.DomainsDone != 7 || v.DomainsTotal != 7 {
		t.Errorf("counted %+v", v)
	}
	questions, repeated := w.names.Asked()
	if repeated > 0 || questions == 0 {
		t.Errorf("%d questions, %d of them repeated", questions, repeated)
	}
	w.names.Forget()
	again := w.until(w.ask(), done)
	if questions, _ := w.names.Asked(); questions > 0 || again.Counts.Changed > 0 {
		t.Errorf("verified again: %d questions, %d changes", questions, again.Counts.Changed)
	}
}

// A domain that stays away is looked at again by itself and counts as gone after
// three looks over 72 hours; then its contacts get another verdict.
func TestGoneDomainIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := newVerifyWorld(t, []string{"good.test A 127.0.0.2"}, "anna@gone.test", "anna@good.test")
	w.start()
	defer func() { w.stop(time.Minute) }()
	w.until(w.ask(), done)
	for range 3 {
		// A day passes, in the database; the process begins anew, without memory.
		w.stop(time.Minute)
		w.exec(`update domains set gone_since = gone_since - interval '25 hours', verify_at = now() - interval '1 minute', expires_at = now() where gone_since is not null`)
		w.exec(`delete from river.river_job`)
		w.start()
		if _, err := w.queue.client.Insert(t.Context(), reverifyArgs{}, nil); err != nil {
			t.Fatal(err)
		}
		var id int64
		for deadline := time.Now().Add(time.Minute); id == 0; time.Sleep(10 * time.Millisecond) {
			if err := w.store.Pool().QueryRow(t.Context(), `select coalesce(max(id), 0) from verifications where list_id is null and state = 'done'
			        and not exists (select from verifications where state <> 'done')
			        and not exists (select from domains where gone_since is not null and verify_at <= now())`).Scan(&id); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(deadline) {
				t.Fatal("the domain was not looked at again")
			}
		}
	}
	want := map[string]string{"anna@gone.test": "undeliverable domain_nxdomain", "anna@good.test": "unproven no_history"}
	if diff := cmp.Diff(want, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

// A verification whose node is stopped in the middle goes on where it stood: no
// contact is left out or counted twice, and of the questions only those that
// were in flight come again.
func TestVerifyGoesOnAfterAnInterruption(t *testing.T) {
	t.Parallel()
	const domains = 3000
	var records []string
	for i := range domains {
		records = append(records, fmt.Sprintf("d%d.test MX 10 mx.d%d.test", i, i), fmt.Sprintf("mx.d%d.test A 127.0.0.2", i))
	}
	w := newVerifyWorld(t, records)
	w.exec(`insert into domains (name) select 'd' || n || '.test' from generate_series(0, $1::int - 1) n`, domains)
	w.exec(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
	        select 'reader@' || name, 'reader@' || name, 'reader@' || name, id, now(), now(), now() from domains`)
	w.exec(`insert into list_members (list_id, contact_id, status, since) select 1, id, 'subscribed', now() from contacts`)
	release := w.names.HoldAfter(domains) // of about two questions each
	defer release()
	w.start()
	id := w.ask()
	w.until(id, func(v postgres.Verification) bool { return v.DomainsDone >= domains/4 })
	w.stop(time.Millisecond)
	release()
	if v, err := w.store.Verification(t.Context(), id); err != nil || done(v) {
		t.Fatalf("it was not interrupted: %+v, %v", v, err)
	}
	w.exec(`update river.river_job set state = 'available', scheduled_at = now() where state in ('running', 'retryable', 'scheduled')`)
	w.start()
	defer w.stop(time.Minute)
	v := w.until(id, done)
	if v.Judged() != domains || v.DomainsDone != domains {
		t.Errorf("counted %+v", v)
	}
	if _, repeated := w.names.Asked(); repeated > 3*(verifySave+verifyAtOnce) {
		t.Errorf("%d questions came again", repeated)
	}
}

// What our own messages to a domain and the files of a list tell reaches the
// verdict, its evidence and the sums.
func TestVerifyLearnsFromHistory(t *testing.T) {
	t.Parallel()
	w := newVerifyWorld(t, []string{"late.test MX 10 mx.late.test", "mx.late.test A 127.0.0.2", "plain.test MX 10 mx.late.test"},
		"one@late.test", "two@late.test", "three@late.test", "anna@late.test", "jörg@plain.test", "anna@plain.test", "old@plain.test")
	ids := make(map[string]int64)
	var id int64
	var address string
	rows, err := w.store.Pool().Query(t.Context(), `select id, address from contacts`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.ForEachRow(rows, []any{&id, &address}, func() error { ids[address] = id; return nil }); err != nil {
		t.Fatal(err)
	}
	w.exec(`create table deliveries_1 partition of deliveries for values in (1)`)
	attempt := func(address, phase, bounce, rule, words string) {
		w.exec(`insert into deliveries (ledger_id, campaign_id, contact_id, domain_id, state, class, reply, updated_at, due_at)
		        select 1, 1, id, domain_id, 'bounced', $2, $3, now() - interval '1 hour', now() from contacts where id = $1`, ids[address], bounce, words)
		w.exec(`insert into attempts (at, ledger_id, delivery_id, campaign_id, contact_id, provider_id, node_id, outcome, host, phase, code, enhanced, class, bounce, rule, reply, took_ms)
		        select now() - interval '1 hour', 1, d.id, 1, $1, 0, 1, 'bounced', 'mx.late.test', $2, 550, '', 'mailbox', $3, $4, $5, 1
		          from deliveries d where d.contact_id = $1`, ids[address], phase, bounce, rule, words)
	}
	for _, local := range []string{"one", "two", "three"} {
		attempt(local+"@late.test", "async", "bad_mailbox", "a-rule", "550 no such user")
	}
	attempt("jörg@plain.test", "rcpt", "recipient_policy", "any-smtputf8", "553 5.6.7 mx.late.test does not offer SMTPUTF8")
	w.exec(`update list_members set since = now() - interval '3 years' where contact_id = $1`, ids["old@plain.test"])
	w.start()
	defer w.stop(time.Minute)
	v := w.until(w.ask(), done)
	want := map[string]string{
		"one@late.test": "undeliverable mailbox_unknown", "two@late.test": "undeliverable mailbox_unknown", "three@late.test": "undeliverable mailbox_unknown",
		"anna@late.test": "risky accepts_everything", "jörg@plain.test": "risky smtputf8_unsupported_by_mx",
		"anna@plain.test": "unproven no_history", "old@plain.test": "risky stale_source",
	}
	if diff := cmp.Diff(want, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	for _, reason := range []string{"accepts_everything", "smtputf8_unsupported_by_mx", "stale_source"} {
		if v.Counts.Reasons[reason] != 1 {
			t.Errorf("%s is counted %d times", reason, v.Counts.Reasons[reason])
		}
	}
	for address, words := range map[string]string{"anna@late.test": "3 addresses", "jörg@plain.test": "does not offer SMTPUTF8", "old@plain.test": "without a sign of life"} {
		var evidence string
		if err := w.store.Pool().QueryRow(t.Context(), `select evidence ->> 'words' from contacts where id = $1`, ids[address]).Scan(&evidence); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(evidence, words) {
			t.Errorf("%s: the evidence is %q", address, evidence)
		}
	}
}
