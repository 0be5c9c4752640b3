package config

import (
	"fmt"

	"github.com/headwaymail/headway/internal/smtpout"
)

// RelayRules reads the rules of sending.relays. An error names the rule by its
// place, since its words may hold a password. One relay signs by all its rules
// or by none: a connection serves the mail of every rule that names it.
func (s Sending) RelayRules() ([]smtpout.RelayRule, error) {
	rules := make([]smtpout.RelayRule, len(s.Relays))
	for i, text := range s.Relays {
		rule, err := smtpout.ParseRelayRule(text)
		if err != nil {
			return nil, fmt.Errorf("sending.relays, rule %d: %w", i+1, err)
		}
		rules[i] = rule
		for n, other := range rules[:i] {
			if other.Relay.Key() == rule.Relay.Key() && other.Relay.Signs != rule.Relay.Signs {
				return nil, fmt.Errorf("sending.relays, rules %d and %d: %s signs by one of them only; say signs=yes in both, or in none", n+1, i+1, rule.Relay.Host)
			}
		}
	}
	return rules, nil
}
