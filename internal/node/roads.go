package node

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/mtasts"
	"github.com/headwaymail/headway/internal/smtpout"
)

// openRoads decides how mail leaves this machine: from which address, by which
// relays, and how much encryption is asked for.
func (n *Node) openRoads(ctx context.Context) error {
	sending, loopback := n.Config.Sending, n.Config.Sandbox.Enabled
	rules, err := sending.RelayRules()
	if err != nil {
		return err
	}
	policies := mtasts.New(mtasts.Config{Resolver: n.resolver, Store: n.Database.Store, LoopbackOnly: loopback, Log: n.Log})
	n.dialer = &smtpout.Dialer{
		Resolver: n.resolver, Port: uint16(sending.SMTPPort), LoopbackOnly: loopback, HELO: sending.HELOName,
		Relays: &smtpout.Relays{Rules: rules, Resolver: n.resolver}, Encrypt: sending.TLSRequired, TLSFor: policies.For,
		Timeouts: smtpout.Timeouts{Transaction: sending.Timeout}, KeepOpenings: true,
	}
	if sending.Source != "" {
		n.dialer.Source = netip.MustParseAddr(sending.Source)
	}
	changed, err := n.Database.Store.SetRoutes(ctx, routes(rules), time.Now())
	if changed {
		n.Log.Info("relay rules changed; waiting mail finds its way anew", "rules", len(rules))
	}
	return err
}

// routes writes rules down without their secrets, to tell whether they changed.
func routes(rules []smtpout.RelayRule) string {
	lines := make([]string, len(rules))
	for i, rule := range rules {
		lines[i] = strings.Join(slices.Concat(rule.Match, []string{rule.Relay.Key()}), " ")
	}
	return strings.Join(lines, "\n")
}

// reach opens a session with a mail host of a domain and closes it again.
func (n *Node) reach(ctx context.Context, domain string) (host, greeting string, err error) {
	session, err := n.dialer.Dial(ctx, domain, smtpout.TLSOpportunistic)
	if err != nil {
		return "", "", err
	}
	defer session.Close(ctx)
	return session.Host(), session.Info().Greeting.String(), nil
}
