package service

import (
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/provider"
)

// Profile turns what is known of a provider's limits into where its pace begins.
// Of an unknown provider nothing is assumed: the pacer finds out.
func Profile(key string) pacing.Profile {
	if _, listed := provider.Known(key); !listed {
		return pacing.Profile{}
	}
	known := provider.Limits(key)
	return pacing.Profile{Lanes: known.Lanes, PerLane: known.Messages}
}
