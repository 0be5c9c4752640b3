package delivery

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
)

// Two files without proof of consent are sent in slices to a real receiver: the
// good one goes out whole, the bad one is stopped after its first slice, and the
// campaign ends by itself, although it stops when too much of it bounces.
func TestABadFileStopsAlone(t *testing.T) {
	t.Parallel()
	const contacts, firstSlice = 1300, 200
	bad := func(to string) bool {
		var n int
		_, err := fmt.Sscanf(strings.ToLower(to), "reader%d@", &n)
		return err == nil && n%2 == 0 // the second file
	}
	r := receive(t, func(to string) error {
		if bad(to) {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "The email account that you tried to reach does not exist"}
		}
		return nil
	})
	g := start(t, r, rigConfig{contacts: contacts, start: 2000, lanes: 4, stops: true, prepare: `
with files as (
    insert into imports (list_id, file_name, size, sha256, state, plan, created_at)
    select 1, name, 0, '', 'done', '{}', now() from unnest(array['good.csv', 'bad.csv']) name returning id, file_name)
update list_members m set import_id = f.id from contacts c, files f
 where c.id = m.contact_id and f.file_name = case when substring(c.address from '[0-9]+')::int % 2 = 0 then 'bad.csv' else 'good.csv' end`})
	until(t, 2*time.Minute, "the campaign is finished", func() bool {
		return g.text(`select state::text from campaigns where id = $1`, g.campaign) == string(campaign.Finished)
	})
	g.balanced()
	n := g.counters()
	if n.Delivered != contacts/2 || n.Bounced > firstSlice || n.Bounced+n.Cancelled != contacts/2 {
		t.Errorf("counted %+v", n)
	}
	if n.Bounced > firstSlice/2 {
		t.Logf("%d of a slice of %d were tried before it was plain", n.Bounced, firstSlice)
	}
	for what, want := range map[string]string{
		`select string_agg(s.state, ' ' order by i.file_name) from probation_sources s join imports i on i.id = s.import_id where s.campaign_id = $1`:                                                                                                                  "stopped passed",
		`select count(*)::text from campaign_events where campaign_id = $1 and kind = 'stopped'`:                                                                                                                                                                       "0",
		`select count(*)::text from campaign_events where campaign_id = $1 and kind = 'probation_stopped' and words like 'bad.csv, slice 1: %'`:                                                                                                                        "1",
		`select string_agg(p.size::text, ' ' order by p.ordinal) from probation_slices p join probation_sources s on s.campaign_id = p.campaign_id and s.number = p.source join imports i on i.id = s.import_id where p.campaign_id = $1 and i.file_name = 'good.csv'`: "200 450",
	} {
		if got := g.text(what, g.campaign); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

// The same with proof of consent, so that nothing is tried in slices: the bad
// file is stopped when enough of it has bounced, the good one goes out whole,
// and neither the breaker nor the stop for bounces pauses the campaign.
func TestABadFileWithProofStopsAlone(t *testing.T) {
	t.Parallel()
	const contacts = 1000
	r := receive(t, func(to string) error {
		var n int
		if _, err := fmt.Sscanf(strings.ToLower(to), "reader%d@", &n); err == nil && n%2 == 0 && n%3 > 0 {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "The email account that you tried to reach does not exist"}
		}
		return nil
	})
	g := start(t, r, rigConfig{contacts: contacts, start: 120, lanes: 4, stops: true, prepare: `
with files as (
    insert into imports (list_id, file_name, size, sha256, state, plan, consent, created_at)
    select 1, name, 0, '', 'done', '{}', 'they signed', now() from unnest(array['good.csv', 'bad.csv']) name returning id, file_name)
update list_members m set import_id = f.id from contacts c, files f
 where c.id = m.contact_id and f.file_name = case when substring(c.address from '[0-9]+')::int % 2 = 0 then 'bad.csv' else 'good.csv' end`})
	until(t, 2*time.Minute, "the campaign is finished", func() bool {
		return g.text(`select state::text from campaigns where id = $1`, g.campaign) == string(campaign.Finished)
	})
	g.balanced()
	n := g.counters()
	if n.Delivered < contacts/2 || n.Cancelled == 0 || n.Delivered+n.Bounced+n.Cancelled != contacts {
		t.Errorf("counted %+v", n)
	}
	for what, want := range map[string]string{
		`select count(*)::text from campaign_events where campaign_id = $1 and kind = 'stopped'`:                                                                                                 "0",
		`select count(*)::text from campaign_events where campaign_id = $1 and kind = 'breaker' and words like '%paused%'`:                                                                       "0",
		`select count(*)::text from campaign_events where campaign_id = $1 and kind = 'file_stopped' and words like 'bad.csv: %'`:                                                                "1",
		`select count(*)::text from deliveries d join contacts c on c.id = d.contact_id where d.campaign_id = $1 and substring(c.address from '[0-9]+')::int % 2 = 1 and d.state <> 'delivered'`: "0",
	} {
		if got := g.text(what, g.campaign); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}
