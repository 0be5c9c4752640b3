package service

import (
	"strings"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/provider"
)

// Profile turns what is known of a provider's limits into where its pace begins.
// Of an unknown provider nothing is assumed: the pacer finds out. With
// sending.warmup a daily ceiling rises from little mail; relays and the sandbox
// need none.
func (s *Service) Profile(key string) pacing.Profile {
	p := pacing.Profile{WarmUp: s.Config.Sending.WarmUp && !s.Config.Sandbox.Enabled && !strings.HasPrefix(key, "relay:")}
	if _, listed := provider.Known(key); listed {
		known := provider.Limits(key)
		p.Lanes, p.PerLane = known.Lanes, known.Messages
	}
	return p
}
