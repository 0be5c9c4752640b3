package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
)

// verified gives the sample's list verdicts and a finished verification.
func (b *bundle) verified() {
	b.Helper()
	b.exec(`update contacts set verdict = 'risky', reasons = '{typo_likely}', suggestion = 'reader' || id || '@gmail.com',
	               evidence = '{"source":"lists","words":"probably another"}' where id <= 3`)
	b.exec(`update contacts set verdict = 'undeliverable', reasons = '{domain_nxdomain}' where id in (4, 5)`)
	b.exec(`insert into verifications (list_id, state, domains_total, domains_done, contacts_total, counts, created_at, finished_at)
	        values (1, 'done', 15, 15, 100, '{"verdicts":{"unproven":95,"risky":3,"undeliverable":2},"reasons":{"no_history":95,"typo_likely":3,"domain_nxdomain":2},"mendable":3}', now(), now())`)
}

func TestListPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	b.contains(b.get("/lists/1"), "Weekly news", "Not verified yet", "Verify now")
	b.verified()
	b.contains(b.get("/lists/1"), "Verified", "95.0 %", "fill-bounced", "The domain does not exist", "Mend typos", "Remove dead domains", "Mail the risky")
	rows, err := csv.NewReader(strings.NewReader(b.get("/lists/1/verdicts.csv").body)).ReadAll()
	if err != nil || len(rows) != 101 || rows[1][1] != "risky" || rows[1][4] != "probably another" {
		t.Errorf("the CSV has %d rows, %v", len(rows), err)
	}
	if a := b.do(http.MethodGet, b.site.URL+"/lists/9", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a list that does not exist: %s", a.Status)
	}
	if a := b.post("/lists/1/nonsense", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("an action that does not exist: %s", a.Status)
	}
}

// Every action shows what it would do and changes nothing before it is confirmed.
func TestListActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	b.verified()
	b.contains(b.get("/lists/1/ask/mend-typos"), "reader1@gmail.com", "<b>3</b>", "Mend them")
	b.contains(b.get("/lists/1/ask/remove-dead"), "<b>2</b>", "Remove them")
	b.contains(b.get("/lists/1/ask/send-risky"), "<b>3</b>")
	if n := b.number(`select count(*) from list_members where list_id = 1`); n != 100 {
		t.Fatalf("a look changed the list: %d members", n)
	}
	// Who left under the right address stays away.
	b.exec(`insert into domains (name) values ('gmail.com')`)
	b.exec(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
	        select 'reader1@gmail.com', 'reader1@gmail.com', 'reader1@gmail.com', id, now(), now(), now() from domains where name = 'gmail.com'`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) select 1, id, 'unsubscribed', now() from contacts where address_key = 'reader1@gmail.com'`)
	for _, action := range []string{"mend-typos", "remove-dead", "send-risky", "trust-unproven", "mend-typos"} {
		if a := b.post("/lists/1/"+action, ""); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s\n%s", action, a.Status, a.body)
		}
	}
	if n := b.number(`select count(*) from list_members where list_id = 1 and contact_id <= 5`); n != 0 {
		t.Errorf("%d mistyped or dead contacts are still on the list", n)
	}
	if n := b.number(`select count(*) from list_members m join contacts c on c.id = m.contact_id where c.address like '%@gmail.com' and m.status = 'subscribed'`); n != 2 {
		t.Errorf("%d mended contacts are subscribed, want 2", n)
	}
	if n := b.number(`select count(*) from lists where send_risky and trust_unproven`); n != 1 {
		t.Error("the terms of the list were not changed")
	}
	if n := b.number(`select count(*) from river.river_job where kind = 'verify'`); n != 1 {
		t.Errorf("%d verifications are asked for after mending, want 1", n)
	}
	b.contains(b.get("/lists/1"), "Hold the risky", "Try in slices")
}

func TestImportPageShowsVerdictsAndQuality(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	b.exec(`insert into imports (list_id, file_name, size, sha256, state, plan, created_at, finished_at, stopped_at, stopped_why)
	        values (1, 'bought.csv', 10, '', 'done', '{}', now(), now(), now(), '8.0 % bounced hard; more than 5 % stops the file')`)
	b.exec(`insert into verifications (list_id, import_id, state, domains_total, domains_done, contacts_total, counts, created_at)
	        values (1, 1, 'contacts', 3, 3, 100, '{"verdicts":{"unproven":40},"reasons":{"no_history":40}}', now())`)
	b.exec(`insert into probation_sources (campaign_id, number, import_id, state) values ($1, 1, 1, 'stopped')`, id)
	b.exec(`insert into probation_slices (campaign_id, slice, source, ordinal, opened_at, size, waiting, delivered, bounced, course, words)
	        values ($1, 1, 1, 1, now(), 200, 0, 184, 16, 'stop', '8.0 % bounced hard; more than 5 % stops the file')`, id)
	for _, page := range []string{"/lists", "/lists/1"} { // which nobody has verified as a whole
		b.contains(b.get(page), "Giving verdicts: 40 of 100", "last import")
	}
	b.contains(b.get("/imports/1"), "Giving verdicts: 40 of 100", "True quality of the file", "184", "8.0 %", "Stopped the file", "Try it again", `href="/lists/1"`, "/imports/1/live")
	if a := b.post("/imports/1/trust", ""); a.StatusCode != http.StatusSeeOther {
		t.Errorf("trust: %s", a.Status)
	}
	if n := b.number(`select count(*) from imports where stopped_at is null`); n != 1 {
		t.Error("the file is still stopped")
	}
}
