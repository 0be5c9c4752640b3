package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
)

func TestCampaignPage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Banner = "Everything is <b>simulated</b>." })
	id := b.sample(1000)
	b.progress(id, 1, campaign.Delivered, 300, "")
	b.progress(id, 2, campaign.Deferred, 40, throttleWords)
	b.progress(id, 3, campaign.Bounced, 7, "550 5.1.1 no such user")
	b.attempts(id, 2, 55, "deferred", "rate", 421, throttleWords)
	b.pace(1, 30, 1, false)
	b.pace(2, 10, 1, true)
	b.exec(`insert into campaign_events (campaign_id, at, kind, words) values ($1, now(), 'launched', 'Launched: 1000 will receive.')`, id)

	page := b.get(fmt.Sprintf("/campaigns/%d", id))
	b.contains(page, "Autumn letter", "What the leaves say", "Everything is &lt;b&gt;simulated&lt;/b&gt;.",
		`aria-label="1,000 recipients: 300 Delivered, 7 Bounced, 40 Deferred, 653 Queued"`,
		"Northmail", "65.2 %", // of its 460
		"Blue Harbor Mail</a> takes nothing now: held until", "Held until",
		"Launched: 1000 will receive.", "Will receive", "Deferred mail is tried again after 5 min, 10 min, 20 min, 40 min, 1 h, for 2 d.",
		`action="/campaigns/1/pause"`, `href="/campaigns/1/cancel"`, `href="/campaigns/1/report"`)

	var view struct {
		State     campaign.State
		Counters  campaign.Counters
		Throttled int64
		Providers []struct {
			Name      string
			Counters  campaign.Counters
			Throttled int64
			Standing  struct{ State, Why string }
		}
		Feed []struct{ Words string }
	}
	answer := b.get(fmt.Sprintf("/campaigns/%d.json", id))
	if err := json.Unmarshal([]byte(answer.body), &view); err != nil {
		t.Fatal(err)
	}
	var sum campaign.Counters
	standings := map[string]string{}
	for _, p := range view.Providers {
		sum = sum.Add(p.Counters)
		standings[p.Name] = p.Standing.State
	}
	if sum != view.Counters || !sum.AddsUp() || sum.Targeted != 1000 {
		t.Errorf("the providers add up to %+v, the whole is %+v", sum, view.Counters)
	}
	if view.Throttled != 55 || view.State != campaign.Sending || len(view.Feed) == 0 {
		t.Errorf("%d throttled, %s, %d lines of feed", view.Throttled, view.State, len(view.Feed))
	}
	if standings["Northmail"] != "slowed" || standings["Blue Harbor Mail"] != "held" || standings["Postino"] != "unknown" {
		t.Errorf("standings are %v", standings)
	}
}

// Small providers share the last row; the columns still add up.
func TestCampaignPageOfManyProviders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	b.exec(`insert into providers (id, key, name) select k, 'p' || k, 'Provider ' || k from generate_series(100, 299) k`)
	b.exec(`insert into campaign_providers (campaign_id, provider_id, targeted, queued, delivered) select $1, k, 3, 1, 2 from generate_series(100, 299) k`, id)
	view, err := b.server.campaignNow(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var sum campaign.Counters
	for _, p := range view.Providers {
		sum = sum.Add(p.Counters)
	}
	if len(view.Providers) != providerRows+1 || sum != view.Counters || sum.Targeted != 700 {
		t.Errorf("%d rows add up to %+v, the whole is %+v", len(view.Providers), sum, view.Counters)
	}
	b.contains(b.get("/campaigns/1"), "165 smaller providers")
	if a := b.get("/campaigns/1.json"); strings.Count(a.body, `"standing"`) != 205 {
		t.Error("the JSON does not have all providers")
	}
}

func TestCampaignButtons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(100)
	path := fmt.Sprintf("/campaigns/%d", id)
	state := func() string {
		t.Helper()
		var s string
		if err := b.store.Pool().QueryRow(t.Context(), `select state::text from campaigns where id = $1`, id).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	steps := []struct {
		name, verb string
		header     []string
		status     int
		state      string
		says       string
	}{
		{"another site's form", "pause", []string{"Sec-Fetch-Site", "cross-site"}, 403, "sending", "This came from another site"},
		{"an old browser's foreign form", "pause", []string{"Sec-Fetch-Site", "", "Origin", "https://evil.test"}, 403, "sending", "This came from another site"},
		{"pause", "pause", nil, 303, "paused", ""},
		{"pause twice", "pause", nil, 409, "paused", "The campaign has moved on"},
		{"resume", "resume", nil, 303, "sending", ""},
		{"a verb of Headway's own", "finish", nil, 404, "sending", "There is nothing here"},
		{"launching needs more than a button", "launch", nil, 404, "sending", "There is nothing here"},
		{"cancel", "cancel", nil, 303, "cancelled", ""},
		{"too late", "resume", nil, 409, "cancelled", "The campaign has moved on"},
	}
	for _, step := range steps {
		if step.name == "cancel" {
			b.contains(b.get(path+"/cancel"), "Cancel “Autumn letter”?", "<b>100 recipients</b> who have not got the message")
			if state() != "sending" {
				t.Error("asking has cancelled the campaign")
			}
		}
		a := b.post(path+"/"+step.verb, "", step.header...)
		if a.StatusCode != step.status || state() != step.state {
			t.Errorf("%s: %s, the campaign is %s; want %d and %s", step.name, a.Status, state(), step.status, step.state)
		}
		b.contains(a, step.says)
		if step.status == http.StatusSeeOther && a.Header.Get("Location") != path {
			t.Errorf("%s leads to %q", step.name, a.Header.Get("Location"))
		}
	}
	b.contains(b.get(path), "Being cancelled") // what waits is taken back by the engine
}

// What people and servers wrote never becomes part of a page.
func TestNamesAreInert(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	b := setup(t)
	id := b.sample(50)
	b.exec(`update campaigns set name = $1, content = jsonb_set(jsonb_set(content, '{subject}', to_jsonb($1::text)), '{from_name}', to_jsonb($1::text))`, evil)
	b.exec(`update lists set name = $1`, evil)
	b.exec(`update providers set name = $1 where id > 0`, evil)
	b.exec(`update domains set name = $1 || id`, evil)
	b.exec(`update contacts set address = $1 || id`, evil)
	b.progress(id, 1, campaign.Deferred, 5, "421 "+evil)
	b.attempts(id, 1, 5, "deferred", "rate", 421, "421 "+evil)
	b.pace(1, 10, 1, true)
	b.exec(`update pace_events set reason = $1, reply = $1`, evil)
	b.exec(`insert into campaign_events (campaign_id, at, kind, words) values ($1, now(), 'warning', $2)`, id, evil)
	b.exec(`insert into imports (list_id, file_name, size, sha256, state, plan, counts, created_at, finished_at, problem)
	        values (1, $1, 1, '', 'failed', '{}', jsonb_build_object('rows', 1, 'invalid', jsonb_build_object($1::text, 1)), now(), now(), $1)`, evil)
	for _, path := range []string{"/", "/campaigns", "/campaigns/1", "/campaigns/1/live", "/campaigns/1/cancel", "/campaigns/1/report",
		"/providers", "/providers/1", "/imports", "/imports/1", "/u/" + b.link(id, 1)} {
		a := b.get(path)
		if !strings.Contains(a.body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s does not show the name at all", path)
		}
		for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>"} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
}
