package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/probation"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// file makes an import of n contacts at a domain, members of a list.
func (w *world) file(list, domain, consent string, n int) int64 {
	w.t.Helper()
	w.crowd(list, n, domain)
	id := one[int64](w, `insert into imports (list_id, file_name, size, sha256, state, plan, consent, created_at)
	                     select id, $2 || '.csv', 0, '', 'done', '{}', $3, $4 from lists where name = $1 returning id`, list, domain, consent, w.now)
	w.exec(`update list_members m set import_id = $1 from contacts c join domains d on d.id = c.domain_id
	         where c.id = m.contact_id and d.name = $2`, id, domain)
	return id
}

func (w *world) step() {
	w.t.Helper()
	_, err := w.StepProbation(context.Background(), w.now)
	w.must(err)
	w.balanced()
}

// settleSlices lets everything that is due of a campaign end: of each hundred at
// bad.test so many bounce.
func (w *world) settleSlices(id int64, bad string, percent int) int64 {
	w.t.Helper()
	n := one[int64](w, `select count(*) from deliveries where campaign_id = $1 and state = 'queued' and due_at <= $2`, id, w.now)
	w.exec(`
update deliveries d set state = case when dom.name = $3 and x.n % 100 < $4 then 'bounced' else 'delivered' end::delivery_state,
       class = case when dom.name = $3 and x.n % 100 < $4 then 'bad_mailbox' end, updated_at = $2
  from (select ledger_id, id, row_number() over (partition by domain_id order by id) as n from deliveries
         where campaign_id = $1 and state = 'queued' and due_at <= $2) x, domains dom
 where d.ledger_id = x.ledger_id and d.id = x.id and dom.id = d.domain_id`, id, w.now, bad, percent)
	w.recount(id)
	return n
}

// recount makes the counters of a campaign agree with its ledger.
func (w *world) recount(id int64) {
	w.t.Helper()
	w.requeue()
	for _, table := range []string{"campaign_providers", "campaign_domains"} {
		of := map[string]string{"campaign_providers": "provider_id", "campaign_domains": "domain_id"}[table]
		w.exec(fmt.Sprintf(`
update %s c set queued = n.queued, delivered = n.delivered, bounced = n.bounced
  from (select campaign_id, coalesce(%[2]s, 0) as of_id, count(*) filter (where state = 'queued') as queued,
               count(*) filter (where state = 'delivered') as delivered, count(*) filter (where state = 'bounced') as bounced
          from deliveries where campaign_id = $1 group by 1, 2) n
 where c.campaign_id = n.campaign_id and c.%[2]s = n.of_id`, table, of), id)
	}
	w.balanced()
}

// A good file goes out in growing slices; a bad one stops alone.
func TestProbation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.file("Readers", "good.test", "", 1500)
	bad := w.file("Readers", "bad.test", "", 1500)
	w.file("Readers", "proof.test", "double opt-in in our shop", 300)
	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(ctx, id, w.now))
	w.fill(id, 1000)
	c, err := w.Campaign(ctx, id)
	w.must(err)
	if c.Audience.Probation != 3000 || c.Audience.WillReceive != 3300 {
		t.Fatalf("the audience is %+v", c.Audience)
	}
	var sizes []int64
	for range 6 {
		w.step()
		for { // as the sweep does
			n, err := w.CancelStopped(ctx, id, 500, w.now)
			w.must(err)
			if n == 0 {
				break
			}
			w.balanced()
		}
		sizes = append(sizes, w.settleSlices(id, "bad.test", 8))
		w.now = w.now.Add(time.Minute)
	}
	// 300 with proof and two slices of 200; then the good file alone.
	if diff := cmp.Diff([]int64{700, 1000, 300, 0, 0, 0}, sizes); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	want := campaign.Counters{Targeted: 3300, Delivered: 300 + 1500 + 184, Bounced: 16, Cancelled: 1300}
	if diff := cmp.Diff(want, w.totals(id)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	q, err := w.ImportQuality(ctx, bad)
	w.must(err)
	if len(q.Trials) != 1 || q.Trials[0].Course != probation.Stop || q.StoppedAt.IsZero() || q.Sum.Bounced != 16 || q.StoppedWhy == "" {
		t.Errorf("the quality of the bad file is %+v", q)
	}
	delivered, bounced, err := w.StoppedResults(ctx, id)
	w.must(err)
	if delivered != 184 || bounced != 16 {
		t.Errorf("the stopped file counts %d and %d", delivered, bounced)
	}
	if done, err := w.FinishableCampaigns(ctx); err != nil || len(done) != 1 {
		t.Errorf("the campaign cannot finish: %v, %v", done, err)
	}

	// The next campaign leaves the file out, until a person trusts it again.
	next := w.launch("Readers")
	c, err = w.Campaign(ctx, next)
	w.must(err)
	if c.Audience.Held != 1500 || c.Audience.Why["file_stopped"] != 1500 {
		t.Errorf("the next audience is %+v", c.Audience)
	}
	w.must(w.TrustImport(ctx, bad))
	c, err = w.Campaign(ctx, w.launch("Readers"))
	w.must(err)
	if c.Audience.Held != 0 || c.Audience.Probation != 3000 {
		t.Errorf("the audience after that is %+v", c.Audience)
	}
}

// Contacts who come by a segment are tried in slices of their files, as those of
// a list are, whatever list the file went into; a segment may join a list.
func TestProbationBySegment(t *testing.T) {
	t.Parallel()
	for _, lists := range [][]string{nil, {"Others"}} {
		w := newWorld(t)
		ctx := context.Background()
		w.file("Readers", "one.test", "", 300)
		w.file("Others", "two.test", "", 250)
		w.file("Readers", "proof.test", "they signed in our shop", 40)
		_, err := w.SaveSegment(ctx, 0, "Everybody", asks(segment.Condition{Subject: segment.Known, Op: segment.Within, Value: "30"}), w.now)
		w.must(err)
		id, err := w.CreateCampaign(ctx, NewCampaign{Name: "Notes", Weight: 4, Settings: campaign.DefaultSettings(), TimeZone: "UTC",
			Lists: lists, Segments: []string{"Everybody"}}, w.now)
		w.must(err)
		w.change(id, campaign.Launch)
		w.must(w.OpenLedger(ctx, id, w.now))
		w.fill(id, 100)
		c, err := w.Campaign(ctx, id)
		w.must(err)
		if c.Audience.WillReceive != 590 || c.Audience.Probation != 550 {
			t.Errorf("with the lists %q the audience is %+v", lists, c.Audience)
		}
		var sizes []int64
		for range 3 {
			w.step()
			sizes = append(sizes, w.settleSlices(id, "", 0))
			w.now = w.now.Add(time.Minute)
		}
		if diff := cmp.Diff([]int64{40 + 200 + 200, 100 + 50, 0}, sizes); diff != "" {
			t.Errorf("with the lists %q was sent (-want +got):\n%s", lists, diff)
		}
		if n := one[int](w, `select count(*) from probation_sources where campaign_id = $1`, id); n != 2 {
			t.Errorf("with the lists %q there are %d files on trial", lists, n)
		}
	}
}

// A file that somebody vouched for goes out without slices. When it goes badly it
// is stopped all the same, alone, and what it still had to send is not sent,
// unless something else speaks for a contact.
func TestAFileWithProofStopsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	good := w.file("Readers", "good.test", "they signed in our shop", 500)
	bad := w.file("Readers", "bad.test", "they signed somewhere", 500)
	w.exec(`update contacts set verdict = 'deliverable' where address_key in ('reader499@bad.test', 'reader2@bad.test')`)
	w.exec(`update list_members m set import_id = $1 from contacts c where c.id = m.contact_id and c.address_key = 'reader500@bad.test'`, good)
	id := w.launch("Readers")
	tried := func(domain string, from, to, bounced int) {
		w.exec(`
update deliveries d set state = case when x.n < $3 + $5 then 'bounced' else 'delivered' end::delivery_state,
       class = case when x.n < $3 + $5 then 'bad_mailbox' end
  from (select c.id, substring(c.address from '[0-9]+')::int as n from contacts c join domains m on m.id = c.domain_id where m.name = $2) x
 where d.campaign_id = $1 and d.contact_id = x.id and x.n >= $3 and x.n < $4`, id, domain, from, to, bounced)
		w.recount(id)
	}
	stop := func() []probation.BadFile {
		results, err := w.FileResults(ctx, id)
		w.must(err)
		found, _ := probation.BadFiles(results)
		for _, f := range found {
			_, err := w.StopFile(ctx, id, f, w.now)
			w.must(err)
		}
		return found
	}
	tried("good.test", 1, 151, 1)
	tried("bad.test", 3, 83, 20)
	if found := stop(); len(found) > 0 {
		t.Errorf("stopped before there was enough to say: %+v", found)
	}
	tried("bad.test", 83, 153, 0)
	if found := stop(); len(found) != 1 || found[0].File != bad || found[0].Tried != 150 || found[0].Bounced != 20 {
		t.Errorf("stopped %+v", found)
	}
	if found := stop(); len(found) > 0 {
		t.Errorf("stopped again: %+v", found)
	}
	files, err := w.UnsweptFiles(ctx)
	w.must(err)
	if diff := cmp.Diff([]StoppedFile{{Campaign: id, Import: bad}}, files); diff != "" {
		t.Fatal(diff)
	}
	for looked := 1; looked > 0; {
		looked, err = w.CancelFile(ctx, files[0], 120, w.now)
		w.must(err)
		w.balanced()
	}
	if files, err = w.UnsweptFiles(ctx); err != nil || len(files) > 0 {
		t.Errorf("still to be swept: %+v, %v", files, err)
	}
	// Of the bad file wait the two who took a message once, and one whom the good
	// file brought.
	want := campaign.Counters{Targeted: 1000, Queued: 350 + 3, Delivered: 149 + 130, Bounced: 21, Cancelled: 500 - 150 - 3}
	if diff := cmp.Diff(want, w.totals(id)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	delivered, bounced, err := w.StoppedResults(ctx, id)
	w.must(err)
	if delivered != 130 || bounced != 20 {
		t.Errorf("the stopped file counts %d and %d", delivered, bounced)
	}
	if trial, err := w.OnTrial(ctx, id); err != nil || !trial {
		t.Errorf("on trial: %t, %v", trial, err)
	}
	c, err := w.Campaign(ctx, w.launch("Readers"))
	w.must(err)
	if c.Audience.Why["file_stopped"] != 497 || c.Audience.WillReceive != 503 {
		t.Errorf("the next audience is %+v", c.Audience)
	}
}

// The launch decides as the policy of the domain package does.
func TestLaunchFollowsThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	for _, policy := range []listhygiene.Policy{{}, {SendRisky: true}, {TrustUnproven: true}, {SendRisky: true, TrustUnproven: true}} {
		w.empty()
		w.file("Readers", "a.test", "", len(listhygiene.Verdicts()))
		w.exec(`update lists set send_risky = $1, trust_unproven = $2`, policy.SendRisky, policy.TrustUnproven)
		want := campaign.Audience{InLists: 5, Why: map[string]int64{}}
		for i, verdict := range listhygiene.Verdicts() {
			w.exec(`update contacts set verdict = $2, reasons = array['because_' || $2] where address_key = $1`, fmt.Sprintf("reader%d@a.test", i+1), string(verdict))
			switch policy.Decide(verdict, false) {
			case listhygiene.Send:
				want.WillReceive++
			case listhygiene.Probation:
				want.WillReceive++
				want.Probation++
			case listhygiene.Hold:
				want.Why["because_"+string(verdict)]++
				if verdict == listhygiene.Undeliverable {
					want.Undeliverable++
				} else {
					want.Held++
				}
			case listhygiene.Suppressed:
				t.Fatal("nobody is suppressed here")
			}
		}
		c, err := w.Campaign(ctx, w.launch("Readers"))
		w.must(err)
		if diff := cmp.Diff(want, c.Audience); diff != "" {
			t.Errorf("%+v (-policy +launch):\n%s", policy, diff)
		}
	}
}
