package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/listhygiene/verification"
	"github.com/headwaymail/headway/pacing/reply"
)

// report records that a message which was accepted came back.
func (w *world) report(d Claimed, words string) {
	w.t.Helper()
	meaning := reply.Meaning{Class: reply.ClassMailbox, Bounce: reply.BounceBadMailbox, Scope: reply.ScopeRecipient, Rule: "a-rule"}
	w.must(w.InTx(context.Background(), func(tx pgx.Tx) error {
		_, changed, err := RecordReport(context.Background(), tx, Reported{Campaign: d.Campaign, Contact: d.Contact, At: w.now, Meaning: meaning,
			Reply: reply.Reply{Phase: reply.PhaseAsync, Code: 550, Lines: []string{words}}, Address: bounce.Reported(meaning, reply.PhaseAsync)})
		if err == nil && !changed {
			w.t.Fatal("the report changed nothing")
		}
		return err
	}))
}

// facts returns what is known of contacts, by address.
func (w *world) facts(ids []int64) map[string]ContactFacts {
	w.t.Helper()
	past, err := w.Past(context.Background(), w.now)
	w.must(err)
	found := make(map[string]ContactFacts)
	w.must(w.EachContactFacts(context.Background(), ids, past, w.now, func(c ContactFacts) error {
		found[c.Address] = c
		return nil
	}))
	return found
}

// A domain accepts everything when three of its addresses came back, unless it
// refuses others at once, its mail moved since, or that was long ago.
func TestReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []int64
	for _, domain := range []string{"a.test", "knows.test", "moved.test", "stray.test"} {
		for _, local := range []string{"one", "two", "three", "four"} {
			ids = append(ids, w.join("Readers", local+"@"+domain)...)
		}
	}
	for _, domain := range []string{"a.test", "knows.test", "moved.test", "stray.test"} {
		w.look(domain, domain)
	}
	id := w.launch("Readers")
	moved := w.domain("moved.test")
	for _, domain := range []string{"a.test", "knows.test", "moved.test", "stray.test"} {
		provider := w.at(domain)
		for i, d := range w.claim(id, provider, 1, 10) {
			if domain == "knows.test" && i == 3 {
				w.record(w.refused(d, provider, campaign.Bounced, 550, "no such user"))
				continue
			}
			w.record(w.accepted(d, provider))
			if i < 2 || i == 2 && domain != "stray.test" {
				w.report(d, "550 5.1.1 user unknown")
			}
		}
	}
	w.exec(`insert into domain_moves (domain_id, at, from_provider, to_provider) values ($1, $2, $3, $3)`, moved, w.now.Add(time.Minute), w.at("moved.test"))
	returned := func() map[string]verification.Returned {
		found := make(map[string]verification.Returned)
		for address, f := range w.facts(ids) {
			if f.Returned.Addresses > 0 {
				found[address] = f.Returned
			}
		}
		return found
	}
	want := make(map[string]verification.Returned)
	for _, local := range []string{"one", "two", "three", "four"} {
		want[local+"@a.test"] = verification.Returned{Addresses: 3, Last: w.now}
		want[local+"@knows.test"] = verification.Returned{Addresses: 3, Last: w.now, Refuses: true}
	}
	if diff := cmp.Diff(want, returned()); diff != "" {
		t.Errorf("came back (-want +got):\n%s", diff)
	}
	kept := 0
	for _, f := range w.facts(ids) {
		if !f.History.Kept.IsZero() {
			kept++
		}
	}
	if kept != 4 {
		t.Errorf("%d messages were accepted and stayed so, want 4", kept)
	}
	w.now = w.now.Add(200 * 24 * time.Hour)
	if got := returned(); len(got) > 0 {
		t.Errorf("after 200 days: %v", got)
	}
}

// A host without SMTPUTF8 refuses one address beyond ASCII; the others of the
// domain need not be tried, until its mail moves, it takes one, or time passes.
func TestUTF8Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "jörg@a.test", "ännä@a.test", "plain@a.test")
	w.look("a.test", "a")
	provider := w.at("a.test")
	rules := reply.Default()
	id := w.launch("Readers")
	claimed := make(map[int64]Claimed)
	for _, d := range w.claim(id, provider, 1, 10) {
		claimed[d.Contact] = d
	}
	refusal := reply.Reply{Phase: reply.PhaseRcpt, Code: 553, Enhanced: "5.6.7", Lines: []string{"5.6.7 mx.a.test does not offer SMTPUTF8, which this recipient needs"}}
	o := w.attempted(claimed[ids[0]], provider)
	o.To, o.Reply, o.Meaning = campaign.Bounced, refusal, rules.Classify("a", refusal)
	if o.Meaning.Bounce != reply.BounceRecipientPolicy || o.Meaning.Class != reply.ClassMailbox {
		t.Fatalf("it means %+v: nothing but the address is at fault", o.Meaning)
	}
	w.record(o, w.accepted(claimed[ids[2]], provider))
	refused := func(want bool, when string) {
		t.Helper()
		for address, f := range w.facts(ids) {
			if got := !f.UTF8.At.IsZero(); got != want {
				t.Errorf("%s: %s refused for SMTPUTF8: %v", when, address, got)
			} else if got && f.UTF8.Reply != "553 5.6.7 mx.a.test does not offer SMTPUTF8, which this recipient needs" {
				t.Errorf("%s: the evidence is %q", when, f.UTF8.Reply)
			}
		}
	}
	refused(true, "at first")
	w.exec(`insert into domain_moves (domain_id, at, from_provider, to_provider) values ($1, $2, $3, $3)`, w.domain("a.test"), w.now.Add(time.Minute), provider)
	refused(false, "when its mail moved")
	w.exec(`delete from domain_moves`)
	w.now = w.now.Add(time.Hour)
	w.record(w.accepted(claimed[ids[1]], provider))
	refused(false, "when it took one")
	w.exec(`update deliveries set state = 'queued' where contact_id = $1`, ids[1])
	refused(true, "again")
	w.now = w.now.Add(utf8For)
	refused(false, "after 90 days")
}

// What counts as a person's last wish: what a file says of their consent, unless
// an operator vouches for the file or the person joined by themselves.
func TestOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "dated@a.test", "vouched@a.test", "undated@a.test", "own@a.test", "chose@a.test", "both@a.test", "confirmed@a.test")
	long, later := noon.AddDate(-8, 0, 0), noon.AddDate(-1, 0, 0)
	silent := one[int64](w, `insert into imports (list_id, file_name, size, sha256, state, plan, created_at) select id, 'a.csv', 0, '', 'done', '{}', $1 from lists returning id`, noon)
	stated := one[int64](w, `insert into imports (list_id, file_name, size, sha256, state, plan, consent, created_at) select id, 'b.csv', 0, '', 'done', '{}', 'our shop', $1 from lists returning id`, noon)
	dated := map[string]any{"at": long}
	for id, set := range map[int64]struct {
		file    any
		consent any
	}{
		ids[0]: {silent, dated}, ids[1]: {stated, dated}, ids[2]: {silent, nil}, ids[3]: {nil, nil}, ids[4]: {nil, map[string]any{"at": later, "source": "their own preferences page"}},
		ids[5]: {silent, map[string]any{"at": long, "confirmed_at": later}}, ids[6]: {silent, map[string]any{"confirmed_at": noon.AddDate(3, 0, 0)}},
	} {
		w.exec(`update list_members set import_id = $2, consent = $3 where contact_id = $1`, id, set.file, set.consent)
	}
	got, confirmed := make(map[string]verification.Origin), make(map[string]time.Time)
	for address, f := range w.facts(ids) {
		got[address] = f.Origin
		if !f.History.Confirmed.IsZero() {
			confirmed[address] = f.History.Confirmed
		}
	}
	want := map[string]verification.Origin{
		"dated@a.test": {At: long, Stated: true}, "vouched@a.test": {At: noon}, "undated@a.test": {At: noon}, "own@a.test": {At: noon},
		"chose@a.test": {At: noon}, "both@a.test": {At: later, Stated: true}, "confirmed@a.test": {At: noon.AddDate(3, 0, 0), Stated: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	// A confirmation cannot be later than the file that tells of it.
	if diff := cmp.Diff(map[string]time.Time{"both@a.test": later, "confirmed@a.test": noon}, confirmed); diff != "" {
		t.Errorf("confirmed (-want +got):\n%s", diff)
	}
}

// A click is a sign of life also where no campaign counts openings.
func TestClicksAloneAreSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.join("Readers", "clicks@a.test", "quiet@a.test")
	id := w.launch("Readers")
	w.exec(`insert into engagements (campaign_id, contact_id, kind, link, machine, times, first_at, last_at) values ($1, $2, 'click', 0, false, 1, $3, $3)`, id, ids[0], w.now)
	facts := w.facts(ids)
	if clicks, quiet := facts["clicks@a.test"].Silence.Sign, facts["quiet@a.test"].Silence.Sign; !clicks.Equal(w.now) || !quiet.IsZero() {
		t.Errorf("signs of life: %v and %v", clicks, quiet)
	}
}
