package delivery

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// brokenNames is a DNS in which nobody can say who takes the mail of one domain, or
// of any.
type brokenNames struct {
	oneHost
	all bool
}

func (n brokenNames) MX(ctx context.Context, domain string) (dnsclient.MXAnswer, error) {
	if n.all || domain == "broken.test" {
		return dnsclient.MXAnswer{}, &dnsclient.Error{Name: domain, Type: "MX", Err: errors.New("answered SERVFAIL"), Temporary: true}
	}
	return n.oneHost.MX(ctx, domain)
}

// A domain of which DNS says nothing any more is its own trouble: the mail of its
// provider's other domains goes on as fast as before.
func TestBrokenNamesOfOneDomain(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 600, start: 100, fastest: 100, names: brokenNames{}, prepare: `
with broken as (insert into domains (name) values ('broken.test') returning id)
update contacts c set domain_id = broken.id, address = replace(address, '@a.test', '@broken.test'), address_key = replace(address, '@a.test', '@broken.test'),
       canonical_key = replace(address, '@a.test', '@broken.test')
  from broken where c.id % 2 = 0`})
	until(t, 60*time.Second, "the mail of the other domain is delivered", func() bool { return g.counters().Delivered == 300 })
	until(t, 30*time.Second, "the domain is looked at again", func() bool {
		return g.text(`select min(attempts)::text from deliveries where state = 'deferred'`) > "1"
	})
	if n := g.text(`select count(*)::text from attempts`); n != "300" {
		t.Errorf("%s attempts are kept; want one for each recipient", n)
	}
	if holds := g.text(`select count(*)::text from pace_events where kind in ('slower', 'hold')`); holds != "0" {
		t.Errorf("the provider was slowed %s times for a name of which it knows nothing", holds)
	}
	g.balanced()
}

// Where all of a provider's domains have gone silent it is DNS that is away: the
// provider is slowed, and its mail waits instead of being tried.
func TestAllNamesBroken(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 600, names: brokenNames{all: true}, prepare: `
with new as (insert into domains (name) select 'd' || n || '.test' from generate_series(0, 59) n returning id, name)
update contacts c set domain_id = new.id from new where new.name = 'd' || c.id % 60 || '.test'`})
	until(t, 30*time.Second, "the provider is slowed", func() bool {
		return g.text(`select count(*)::text from pace_events where kind in ('slower', 'hold')`) != "0"
	})
	if n := g.text(`select count(*)::text from deliveries where state = 'queued'`); n < "500" {
		t.Errorf("only %s of 600 were not tried", n)
	}
	g.balanced()
}
