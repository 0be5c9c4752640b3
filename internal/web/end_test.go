package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// finishBy gives a campaign a time to finish by, and lets it have been
// launched so many minutes ago.
func (b *bundle) finishBy(id int64, by time.Time, launchedAgo int) {
	b.Helper()
	b.exec(`update campaigns set launched_at = now() - $3 * interval '1 minute',
	               settings = settings || jsonb_build_object('finish_by', $2::text) where id = $1`,
		id, by.UTC().Format(time.RFC3339), launchedAgo)
}

func TestCampaignEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(8000)
	for provider := int64(2); provider <= 5; provider++ {
		b.progress(id, provider, campaign.Delivered, 8000, "")
	}
	b.pace(1, 10, 10, false)
	b.finishBy(id, time.Now().Add(3*time.Minute), 10)

	page := b.get(fmt.Sprintf("/campaigns/%d", id))
	b.contains(page, "Done about ", "Northmail is last: takes ", "; 3,680 left", "Will not finish by ", " will be late at Northmail. No pace is exceeded for it.")

	var view struct {
		End struct {
			Done     time.Time `json:"done_at"`
			Low      time.Time `json:"low_at"`
			High     time.Time `json:"high_at"`
			Last     string    `json:"last"`
			Left     int64     `json:"left"`
			FinishBy time.Time `json:"finish_by"`
			Late     []struct {
				Name     string `json:"name"`
				Messages int64  `json:"messages"`
			} `json:"late"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(b.get(fmt.Sprintf("/campaigns/%d.json", id)).body), &view); err != nil {
		t.Fatal(err)
	}
	e := view.End
	if wait := time.Until(e.Done); wait < 8*time.Minute || wait > 60*time.Minute || e.Low.After(e.Done) || e.High.Before(e.Done) {
		t.Errorf("3,680 messages at about 2/s are done in %s (%s to %s)", wait, time.Until(e.Low), time.Until(e.High))
	}
	if e.Last != "Northmail" || e.Left != 3680 || e.FinishBy.IsZero() || len(e.Late) != 1 || e.Late[0].Messages < 600 {
		t.Errorf("the end is %+v", e)
	}
	b.contains(b.get("/providers/1"), "<dt>Done, UTC</dt>", "; 3,680 left")
}

func TestCampaignEndTooEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	page := b.get(fmt.Sprintf("/campaigns/%d", id))
	b.contains(page, "too early to say: nothing was accepted so far")
	if strings.Contains(page.body, "Done about") {
		t.Error("an end is foreseen before anything was sent")
	}
	if err := b.server.service.Do(context.Background(), id, campaign.Pause); err != nil {
		t.Fatal(err)
	}
	b.server.snapshots.changed(id)
	if page = b.get(fmt.Sprintf("/campaigns/%d", id)); strings.Contains(page.body, "too early") {
		t.Error("an end is spoken of while nothing goes out")
	}
}

// A campaign that will be late becomes urgent where it shares a provider, and
// only says so where that does not help.
func TestKeepPromises(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := context.Background()
	first := b.sample(8000)
	b.pace(1, 10, 10, false)
	for _, tt := range []struct {
		name   string
		before func()
		weight int64
		kind   string
	}{
		{"alone it can only say so", func() { b.finishBy(first, time.Now().Add(3*time.Minute), 10) }, 4, "late"},
		{"beside another it becomes urgent", func() {
			b.launch("Another letter")
			b.finishBy(first, time.Now().Add(2*time.Minute), 10)
		}, 16, "urgent"},
	} {
		tt.before()
		for range 2 {
			if err := b.server.service.KeepPromises(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.number(`select weight from campaigns where id = $1`, first); n != tt.weight {
			t.Errorf("%s: weight is %d, want %d", tt.name, n, tt.weight)
		}
		if n := b.number(`select count(*) from campaign_events where campaign_id = $1 and kind = $2`, first, tt.kind); n != 1 {
			t.Errorf("%s: said %d times, want once", tt.name, n)
		}
	}
}
