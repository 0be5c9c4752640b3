package delivery

import (
	"strings"
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
	until(t, 30*time.Second, "the other is delivered", func() bool { return g.counters().Delivered == 300 })
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
	until(t, 20*time.Second, "the rest is delivered", func() bool {
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
	until(t, 30*time.Second, "the other is delivered", func() bool { return g.counters().Delivered == 300 })
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
}
