package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/segment"
)

func TestSegmentsByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, err := b.store.SaveSegment(context.Background(), 0, "At Northmail", segment.Segment{Group: segment.Group{Match: segment.All,
		Conditions: []segment.Condition{{Subject: segment.Domain, Op: segment.Is, Value: "north.test"}}}}, time.Now())
	b.must(err)
	all := into[Page[Segment]](t, b.call("GET", "/segments", b.read, ""))
	if len(all.Items) != 4 || all.Items[0].Name != "At Northmail" || all.Items[0].BuiltIn || !all.Items[1].BuiltIn || !all.Items[0].CountedAt.IsZero() {
		t.Errorf("%+v", all)
	}
	for _, name := range []string{"At%20Northmail", fmt.Sprint(id)} {
		counted := into[Segment](t, b.call("GET", "/segments/"+name+"/count", b.read, ""))
		if counted.Contacts != 40 || time.Since(counted.CountedAt) > time.Minute || counted.Rule.Conditions[0].Value != "north.test" {
			t.Errorf("%s: %+v", name, counted)
		}
	}
	if g := into[Segment](t, b.call("GET", "/segments/At%20Northmail", b.read, "")); g.Contacts != 40 || !strings.Contains(g.Words, "north.test") {
		t.Errorf("%+v", g)
	}
	for _, name := range []string{"Nobody", "999", "0", "-1"} {
		b.problem(b.call("GET", "/segments/"+name, b.read, ""), 404, "not_found")
	}
}

func TestQueueByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`update mail_queue set due_at = now() + interval '1 hour' where deferred`)
	b.exec(`update deliveries d set due_at = q.due_at from mail_queue q where q.delivery_id = d.id`)
	lines := into[Page[QueueLine]](t, b.call("GET", "/queue", b.read, ""))
	if len(lines.Items) != 1 {
		t.Fatalf("%+v", lines)
	}
	if l := lines.Items[0]; l.CampaignID != b.campaign || l.ProviderID != 1 || l.Queued != 37 || l.Deferred != 3 || l.NextTry.IsZero() || l.Oldest.IsZero() {
		t.Errorf("%+v", l)
	}
	dry := into[QueueRetried](t, b.call("POST", "/queue/retry", b.operate, `{"provider": "northmail.test", "dry_run": true}`))
	if dry.Done || dry.Messages != 3 || dry.Campaigns != 1 || len(dry.Providers) != 1 || !strings.Contains(dry.Words, "3 messages that were put off at Northmail") {
		t.Errorf("dry: %+v", dry)
	}
	if none := into[QueueRetried](t, b.call("POST", "/queue/retry", b.operate, `{"provider": "harbor.example"}`)); none.Messages != 0 {
		t.Errorf("elsewhere: %+v", none)
	}
	if done := into[QueueRetried](t, b.call("POST", "/queue/retry", b.operate, "")); !done.Done || done.Messages != 3 {
		t.Errorf("done: %+v", done)
	}
	if again := into[QueueRetried](t, b.call("POST", "/queue/retry", b.operate, "")); again.Messages != 0 {
		t.Errorf("again: %+v", again)
	}
	audit, err := b.store.Audit(context.Background(), "everything that was put off", 5)
	b.must(err)
	if len(audit) != 1 || audit[0].Actor != "operator" || audit[0].Door != "API" || audit[0].Action != "queue.retry" {
		t.Errorf("audit: %+v", audit)
	}
	b.problem(b.call("POST", "/queue/retry", b.operate, `{"provider": "nobody"}`), 404, "unknown_provider")
	b.problem(b.call("POST", "/queue/retry", b.read, ""), 403, "scope_too_narrow")
}

func TestDeliveryByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, name := range map[string]string{"/delivery": "Northmail", "/delivery/domains?days=7": "north.test", "/providers/1/delivery?limit=1": "north.test"} {
		r := into[DeliveryReport](t, b.call("GET", path, b.read, ""))
		if len(r.Items) != 1 || r.Items[0].Name != name || r.Items[0].Counters.Targeted != 40 || r.AsOf.IsZero() {
			t.Errorf("%s: %+v", path, r)
		}
		if want := 30; strings.Contains(path, "days=7") {
			want = 7
			if r.Days != want {
				t.Errorf("%s: %d days", path, r.Days)
			}
		}
	}
	if r := into[DeliveryReport](t, b.call("GET", "/providers/2/delivery", b.read, "")); len(r.Items) != 0 {
		t.Errorf("a provider that was never mailed: %+v", r)
	}
	for _, days := range []string{"0", "3651", "x", "-1"} {
		b.problem(b.call("GET", "/delivery?days="+days, b.read, ""), 400, "invalid_parameter")
	}
	b.problem(b.call("GET", "/queue?days=7", b.read, ""), 400, "unknown_parameter")
	b.problem(b.call("GET", "/providers/nobody/delivery", b.read, ""), 404, "unknown_provider")
}

func TestAudienceByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`insert into suppressions (scope, kind, key, canonical_key, reason, created_at, expires_at)
	        select 'global', 'address', address_key, canonical_key, 'paused', now(), now() + interval '30 days' from contacts where id = 1`)
	draft, err := b.store.CreateCampaign(context.Background(), postgres.NewCampaign{Name: "Winter", Weight: 4, Settings: campaign.DefaultSettings(),
		TimeZone: "UTC", Lists: []string{"Readers"}}, time.Now())
	b.must(err)
	a := into[Audience](t, b.call("GET", fmt.Sprintf("/campaigns/%d/audience", draft), b.read, ""))
	if a.Launched || a.InLists != 40 || a.Suppressed != 1 || a.WillReceive != 39 || a.AsOf.IsZero() ||
		len(a.Providers) != 1 || a.Providers[0] != (AudienceProvider{"Northmail", 39}) {
		t.Errorf("of a draft: %+v", a)
	}
	if a = into[Audience](t, b.call("GET", fmt.Sprintf("/campaigns/%d/audience", b.campaign), b.read, "")); !a.Launched || a.WillReceive != 40 {
		t.Errorf("of a launched campaign: %+v", a)
	}
	b.problem(b.call("GET", "/campaigns/999/audience", b.read, ""), 404, "not_found")
}
