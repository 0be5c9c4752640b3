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
	return n
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
