package postgres

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// deferEvery makes every n-th delivery of a campaign deferred, due spread over an
// hour, and brings the counters along.
func (w *world) deferEvery(id int64, n int) {
	w.t.Helper()
	w.exec(`update deliveries set state = 'deferred', attempts = 1, first_attempt_at = $2::timestamptz,
	               due_at = $2::timestamptz + (id % 3600) * interval '1 second'
	         where campaign_id = $1 and id % $3 = 0`, id, w.now, n)
	w.requeue()
	w.exec(`update campaign_providers p set queued = queued - k.n, deferred = deferred + k.n
	          from (select provider_id, count(*) as n from deliveries where campaign_id = $1 and state = 'deferred' group by 1) k
	         where p.campaign_id = $1 and p.provider_id = k.provider_id`, id)
}

func TestDueLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.crowd("Readers", 3000, "a.test", "b.test")
	a, b := w.at("a.test"), w.at("b.test")
	id := w.launch("Readers")
	w.deferEvery(id, 3)
	w.exec(`analyze deliveries, mail_queue`)
	later, err := w.DueLater(ctx, id)
	w.must(err)
	for _, provider := range []int64{a, b} {
		d := later[provider]
		looked := int64(0)
		for i, n := range d.Counts {
			looked += n
			if i > 0 && !d.Times[i].After(d.Times[i-1]) {
				t.Errorf("provider %d: %s stands after %s", provider, d.Times[i], d.Times[i-1])
			}
		}
		if looked != dueLooked {
			t.Errorf("provider %d: %d messages were looked at, want %d", provider, looked, dueLooked)
		}
		last := one[time.Time](w, `select max(due_at) from deliveries where campaign_id = $1 and provider_id = $2 and state = 'deferred'`, id, provider)
		if !d.Last.Equal(last) {
			t.Errorf("provider %d: the last is due %s, want %s", provider, d.Last, last)
		}
	}
	loads, err := w.Loads(ctx)
	w.must(err)
	if len(loads) != 2 || loads[0].Counters.Queued+loads[0].Counters.Deferred != 3000 || loads[0].Paused || loads[0].Weight != 4 {
		t.Errorf("loads: %+v", loads)
	}
	w.change(id, campaign.Pause)
	if loads, err = w.Loads(ctx); err != nil || len(loads) != 2 || !loads[0].Paused {
		t.Errorf("loads of a paused campaign: %+v, %v", loads, err)
	}
}

// TestDueLaterPlan keeps the query off the heap of a big ledger: it walks the
// index of due mail for a few hundred rows per provider. With
// HEADWAY_BIG_LEDGER the ledger has that many rows, and the time is said.
func TestDueLaterPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	rows := 6000
	if big := os.Getenv("HEADWAY_BIG_LEDGER"); big != "" {
		var err error
		rows, err = strconv.Atoi(big)
		w.must(err)
	}
	w.crowd("Readers", rows/2, "a.test", "b.test")
	w.at("a.test")
	w.at("b.test")
	id := w.launch("Readers")
	w.deferEvery(id, 5)
	w.exec(`analyze deliveries, mail_queue`)
	var plan strings.Builder
	lines, err := w.pool.Query(ctx, `explain (analyze, buffers, costs off) `+sqlDueLater, id, dueLooked)
	w.must(err)
	for lines.Next() {
		var line string
		w.must(lines.Scan(&line))
		plan.WriteString(line + "\n")
	}
	w.must(lines.Err())
	if strings.Contains(plan.String(), "Seq Scan on mail_queue") || !strings.Contains(plan.String(), "Index") {
		t.Errorf("the queue is read through:\n%s", plan.String())
	}
	for line := range strings.Lines(plan.String()) {
		if strings.Contains(line, "Execution Time") {
			t.Logf("%d rows: %s", rows, strings.TrimSpace(line))
		}
	}
}

func TestRaiseWeight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.join("Readers", "ana@a.test")
	id := w.launch("Readers")
	event := CampaignEvent{At: w.now, Kind: "urgent", Words: "Made urgent."}
	for range 2 {
		w.must(w.RaiseWeight(ctx, id, 16, event))
	}
	c, err := w.Campaign(ctx, id)
	w.must(err)
	if n := one[int](w, `select count(*) from campaign_events where campaign_id = $1 and kind = 'urgent'`, id); c.Weight != 16 || n != 1 {
		t.Errorf("weight %d, told %d times; want 16, once", c.Weight, n)
	}
	w.must(w.RaiseWeight(ctx, id, 4, event))
	if c, err = w.Campaign(ctx, id); err != nil || c.Weight != 16 {
		t.Errorf("a weight was lowered to %d, %v", c.Weight, err)
	}
}
