package delivery

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A campaign that a provider takes for spam is held there; the others go on,
// and get its share.
func TestContentHoldsOneCampaign(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	r.judge = func(subject, _ string) error {
		if subject == "Casino" {
			return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Message rejected as spam"}
		}
		return nil
	}
	g := start(t, r, rigConfig{contacts: 300, start: 60, fastest: 60})
	casino := g.newsletter(g.store, "Casino", "sender.test", 4)
	until(t, 90*time.Second, "the other is delivered", func() bool { return g.counters().Delivered == 300 })
	c, err := g.store.Campaign(t.Context(), casino)
	g.must(err)
	if c.Counters.Bounced < contentLeast || c.Counters.Bounced > 3*contentLeast+8 || c.Counters.Waiting() < 250 {
		t.Errorf("%d of its messages bounced and %d wait; it should have been held after %d", c.Counters.Bounced, c.Counters.Waiting(), contentLeast)
	}
	words := g.text(`select words from campaign_events where campaign_id = $1 and kind = 'held'`, casino)
	reason := g.text(`select reason from pace_events where kind = 'campaign hold'`)
	if !strings.Contains(words, "spam") || !strings.Contains(reason, "other campaigns go on") {
		t.Errorf("said %q and %q", words, reason)
	}
	t.Log(words)

	// Half an hour later one message tries; this time it is taken.
	r.mu.Lock()
	r.judge = nil
	r.mu.Unlock()
	before, _ := g.store.Campaign(t.Context(), casino)
	g.text(`update campaign_holds set until = now() returning 'over'`)
	until(t, 60*time.Second, "the rest is delivered", func() bool {
		c, err := g.store.Campaign(t.Context(), casino)
		return err == nil && c.Counters.Delivered == 300-before.Counters.Bounced
	})
	if n := g.text(`select count(*)::text from campaign_holds`); n != "0" {
		t.Errorf("%s holds are left", n)
	}
}

// A sending domain whose signature fails is held at the provider; mail from
// another domain goes on.
func TestAuthHoldsTheSendingDomain(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	r.judge = func(subject, _ string) error {
		if subject == "Broken" {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 5}, Message: "DKIM check failed"}
		}
		return nil
	}
	g := start(t, r, rigConfig{contacts: 300, start: 60, fastest: 60})
	broken := g.newsletter(g.store, "Broken", "broken.test", 4)
	until(t, 90*time.Second, "the other is delivered", func() bool { return g.counters().Delivered == 300 })
	c, err := g.store.Campaign(t.Context(), broken)
	g.must(err)
	if c.Counters.Delivered != 0 || c.Counters.Waiting() != 300 {
		t.Errorf("counted %+v", c.Counters)
	}
	if n := g.text(`select count(*)::text from attempts where campaign_id = $1`, broken); len(n) > 2 || n == "0" {
		t.Errorf("%s messages of the domain were tried", n)
	}
	hold := g.text(`select mode || ' ' || extract(epoch from hold_until - now())::int from paces where sending_domain = 'broken.test'`)
	if !strings.HasPrefix(hold, "hold 3") {
		t.Errorf("the domain's pace is %q; want a hold of an hour", hold)
	}
	if mode := g.text(`select mode from paces where sending_domain = ''`); mode == "hold" {
		t.Error("the provider is held for all")
	}
	t.Log(g.text(`select words from campaign_events where campaign_id = $1 and kind = 'held' limit 1`, broken))
	t.Log(g.text(`select reason from pace_events where kind = 'domain hold' limit 1`))

	// The hour is over, and the key is mended: one message knocks, the rest follows.
	r.mu.Lock()
	r.judge = nil
	r.mu.Unlock()
	g.text(`update paces set state = jsonb_set(state, '{hold,next}', to_jsonb(extract(epoch from now()))), version = version + 1
	         where sending_domain = 'broken.test' returning 'over'`)
	g.text(`select coalesce(pg_notify('headway', 'pace ' || $1 || ' ' || $2)::text, '')`, fmt.Sprint(g.source), fmt.Sprint(g.provider))
	until(t, 60*time.Second, "the domain's mail is delivered", func() bool {
		c, err := g.store.Campaign(t.Context(), broken)
		return err == nil && c.Counters.Delivered == 300
	})
}

// Where a provider greylists, first attempts have permits of their own, and who
// was put off comes back after the delay that was learned, not by the schedule.
func TestGreylistingIsLearned(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	var (
		mu    sync.Mutex
		first = make(map[string]time.Time)
	)
	r := receive(t, func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		at, known := first[to]
		if !known {
			first[to] = time.Now()
		}
		if known && time.Since(at) >= delay {
			return nil
		}
		words := "Greylisted, please come back later"
		if len(first) <= 35 { // until the first rounds have made it known
			words = "Greylisted, please try again in 2 seconds"
		}
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: words}
	})
	g := start(t, r, rigConfig{contacts: 60, start: 30, greylisted: time.Minute})
	began := time.Now()
	until(t, 50*time.Second, "all delivered", func() bool { return g.counters().Delivered == 60 })
	t.Logf("all were delivered after %s; the schedule waits a minute", time.Since(began).Round(time.Millisecond))
	if n := g.text(`select count(*)::text from attempts`); n != "60" {
		t.Errorf("%s attempts were put off; want one for each recipient", n)
	}
	if slot := g.text(`select (first_slot is not null)::text from paces`); slot != "true" {
		t.Error("first attempts had no permits of their own")
	}
}
