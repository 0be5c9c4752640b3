package config

import (
	"fmt"

	"github.com/headwaymail/headway/internal/smtpout"
)

// RelayRules reads the rules of sending.relays. An error names the rule by its
// place, since its words may hold a password.
func (s Sending) RelayRules() ([]smtpout.RelayRule, error) {
	rules := make([]smtpout.RelayRule, len(s.Relays))
	for i, text := range s.Relays {
		rule, err := smtpout.ParseRelayRule(text)
		if err != nil {
			return nil, fmt.Errorf("sending.relays, rule %d: %w", i+1, err)
		}
		rules[i] = rule
	}
	return rules, nil
}
