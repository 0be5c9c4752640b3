package delivery

import (
	"context"
	"errors"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing"
)

// A domain of which DNS does not say any more who takes its mail is the trouble of
// that domain: its provider has refused nothing, and the mail of other domains there
// goes on. One failed look is an attempt of all its due mail.
//
// Where domain after domain of a provider has gone silent, it is rather DNS that we
// cannot reach. Then the provider is held like one that cannot be reached, and one
// message at a time tries.

// silentLeast is how many domains must be silent, with nothing opened or accepted
// in between, until the provider is held for it.
const silentLeast = 3

// silent reports whether a connection could not be opened for want of an answer
// about the domain alone, and what was found of it.
func (l *lane) silent(turn postgres.Due, failed *smtpout.Failure) (found postgres.MailHost, its bool) {
	if failed == nil || failed.Stage != smtpout.StageDNS || failed.Host != "" || turn.Knock || l.gate.fellSilent(l.domain) >= silentLeast {
		return "", false
	}
	switch {
	case !failed.Permanent:
		return postgres.MailHostTemporary, true
	case errors.Is(failed, dnsclient.ErrNoDomain):
		return postgres.MailHostNoDomain, true
	default:
		return postgres.MailHostNone, true
	}
}

// putOffDomain makes the look at a silent domain an attempt of all due mail of a
// campaign there.
func (l *lane) putOffDomain(ctx context.Context, turn postgres.Due, domain string, found postgres.MailHost) error {
	camp, sending := l.engine.watch.sending(turn.Campaign)
	if !sending {
		return nil
	}
	n, err := l.engine.store.JudgeUnmailable(ctx, postgres.Judgement{Node: l.engine.node, Provider: l.gate.provider.ID,
		Campaign: turn.Campaign, Silent: map[int64]postgres.Silence{l.domain: {Found: found, Spread: spread()}},
		Terms: func(int64) campaign.Settings { return camp.Settings }, At: l.engine.clock.now()})
	l.engine.log.Info("nobody says who takes the mail of a domain", "domain", domain, "found", found, "deliveries", n)
	return err
}

// fellSilent notes a silent domain and returns how many there are.
func (g *gate) fellSilent(domain int64) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.silent == nil {
		g.silent = make(map[int64]bool)
	}
	g.silent[domain] = true
	return len(g.silent)
}

// spoke forgets silent domains once something went well. g.mu is held.
func (g *gate) spoke(k pacing.Kind) {
	if k == pacing.Opened || k == pacing.Accepted {
		clear(g.silent)
	}
}
