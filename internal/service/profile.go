package service

import (
	"strings"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/provider"
)

// What a relay of the operator's own may be given: it knows us, and the limits that
// are left are its processors'.
const (
	relayRate    = 20_000 // messages a second: more than a machine makes today
	relayPerLane = 1_000  // messages a connection, as others give one (KumoMTA 1,024)
)

// Profile turns what is known of a provider's limits into where its pace begins.
// Of an unknown provider nothing is assumed: the pacer finds out. With
// sending.warmup a daily ceiling rises from little mail; relays and the sandbox
// need none.
func (s *Service) Profile(key string) pacing.Profile {
	if strings.HasPrefix(key, "relay:") {
		return pacing.Profile{MaxRate: relayRate, PerLane: relayPerLane}
	}
	p := pacing.Profile{WarmUp: s.Config.Sending.WarmUp && !s.Config.Sandbox.Enabled}
	if _, listed := provider.Known(key); listed {
		known := provider.Limits(key)
		p.Lanes, p.PerLane = known.Lanes, known.Messages
	}
	return p
}
