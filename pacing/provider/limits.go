package provider

import (
	"strings"
	"time"
)

// Profile is what is known of a provider's limits before anything was measured:
// where to begin, and what not to pass in the first minutes.
type Profile struct {
	// Lanes is how many connections to begin with, at least 1.
	Lanes int `yaml:"lanes"`

	// MostLanes is how many connections others found allowed; 0 when not known.
	MostLanes int `yaml:"most_lanes"`

	// Messages is how many messages one connection may carry, at least 1.
	Messages int `yaml:"messages"`

	// Rate is the most messages a second that are known to be allowed; 0 when no
	// rate is known, which is the rule.
	Rate float64 `yaml:"rate"`

	// Gap is the least time between two openings of a connection; 0 when not
	// known.
	Gap time.Duration `yaml:"gap"`

	// Quota is how many messages Window allows, where that is known: 20 in an
	// hour. Both are 0 when not known; Window alone is the length of a window
	// whose quota the customer sets.
	Quota  int           `yaml:"quota"`
	Window time.Duration `yaml:"window"`

	// Why says what is behind the figures, and Source who says so.
	Why    string `yaml:"why"`
	Source string `yaml:"source"`
}

// unknown holds for providers that nothing is known of. Two lanes of twenty
// messages are below every published limit but those of small providers that ask
// for one; KumoMTA's default, 10 lanes of 100, is the ceiling.
var unknown = Profile{
	Lanes: 2, MostLanes: 10, Messages: 20,
	Why:    "nothing known: below almost every published limit",
	Source: "KumoMTA's default as the ceiling",
}

// Limits returns what is known of the provider with this key, of the wider
// provider that its key narrows ("microsoft" for "microsoft-365"), or the
// cautious defaults for a provider that is not known.
func Limits(key string) Profile {
	for {
		if e := known().keys[key]; e != nil && e.Limits != nil {
			return *e.Limits
		}
		cut := strings.LastIndexByte(key, '-')
		if cut < 0 || strings.Contains(key, ".") { // a registrable name narrows nothing
			return unknown
		}
		key = key[:cut]
	}
}

// Known returns the name of a provider of the built-in table, and whether there
// is one with this key.
func Known(key string) (name string, ok bool) {
	e := known().keys[key]
	if e == nil {
		return "", false
	}
	return e.Name, true
}
