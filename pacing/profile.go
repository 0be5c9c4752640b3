package pacing

// Profile is what is known of a provider before anything was measured.
//
// It shapes the first minutes only: what is measured replaces it. The zero
// value is right for an unknown provider.
type Profile struct {
	// Start is the first rate in messages per second.
	// Defaults to 4: a demonstration of 500 recipients ends within a minute,
	// and a receiver that takes one message in two seconds refuses a handful.
	Start float64 `json:"start,omitzero"`

	// Lanes is how many lanes may be open before the provider showed that
	// more are welcome. It is tried upwards one by one when the rate wants
	// more. Defaults to no such limit.
	Lanes int `json:"lanes,omitzero"`

	// MaxLanes is never exceeded. Defaults to 40.
	MaxLanes int `json:"max_lanes,omitzero"`

	// PerLane is how many messages one lane may carry. Defaults to 100: a lane
	// at a receiver that is slow to open costs half of what it would at 50, and
	// others in use today carry more (KumoMTA 1,024; Postfix whatever fits into
	// 300 s).
	PerLane int `json:"per_lane,omitzero"`

	// MaxRate in messages per second is never exceeded: what this sender can
	// push at one provider. Defaults to 500.
	MaxRate float64 `json:"max_rate,omitzero"`

	// WarmUp says that the source is new to the provider: a daily ceiling
	// rises from 50 messages. Defaults to none.
	WarmUp bool `json:"warm_up,omitzero"`

	// Without switches parts of the controller off. Only benchmarks use it.
	Without Part `json:"without,omitzero"`
}

func (p Profile) start() float64 {
	if p.Start > 0 {
		return p.Start
	}
	return 4
}

func (p Profile) maxRate() float64 {
	if p.MaxRate > 0 {
		return p.MaxRate
	}
	return 500
}

func (p Profile) maxLanes() int {
	if p.MaxLanes > 0 {
		return p.MaxLanes
	}
	return 40
}

func (p Profile) perLane() int {
	if p.PerLane > 0 {
		return p.PerLane
	}
	return 100
}
