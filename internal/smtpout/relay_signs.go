package smtpout

import (
	"slices"
	"strings"
)

// Unsigned returns, as a sentence without its full stop, a way by which mail may
// leave without passing a relay that signs; "" when there is none. Who receives
// does not matter: what counts is where the rules may lead.
func (r *Relays) Unsigned() string {
	if r != nil {
		for _, rule := range r.Rules {
			if !rule.Relay.Signs {
				return "mail for " + strings.Join(rule.Match, ", ") + " goes to " + rule.Relay.Host + ", which does not sign"
			}
			if slices.Contains(rule.Match, "*") { // later rules never fit
				return ""
			}
		}
	}
	return "mail that no relay rule fits goes to the recipients' own servers"
}

// Signing returns the hosts of the relays that sign, each once.
func (r *Relays) Signing() []string {
	if r == nil {
		return nil
	}
	var hosts []string
	for _, rule := range r.Rules {
		if rule.Relay.Signs && !slices.Contains(hosts, rule.Relay.Host) {
			hosts = append(hosts, rule.Relay.Host)
		}
		if slices.Contains(rule.Match, "*") {
			break
		}
	}
	return hosts
}
