package pacing

import "time"

// State is all that is known and decided about one provider from one source.
//
// It is plain data: copy it, compare it, store it as JSON (at most 4 KB).
// Absolute times inside it survive a restart as they are.
type State struct {
	Profile Profile `json:"profile,omitzero"`

	// Clock is the latest moment that the state has seen.
	Clock moment `json:"clock"`

	// Version rises whenever permits handed out before must not be used any
	// more: a refusal, a hold, a cut by hand.
	Version int `json:"version"`

	// Seed drives the small random offsets that keep senders from knocking in
	// step. It is part of the state, so that the same events give the same
	// decisions.
	Seed uint64 `json:"seed"`

	Rate       rate            `json:"rate"`
	Offer      offer           `json:"offer,omitzero"`
	Permits    permits         `json:"permits,omitzero"`
	Episode    episode         `json:"episode,omitzero"`
	Budget     budget          `json:"budget"`
	Hold       hold            `json:"hold,omitzero"`
	Comeback   comeback        `json:"comeback,omitzero"`
	Lanes      lanes           `json:"lanes,omitzero"`
	Less       lanesLess       `json:"less,omitzero"`
	Opening    opening         `json:"opening,omitzero"`
	PerLane    perLane         `json:"per_lane,omitzero"`
	Latency    latency         `json:"latency,omitzero"`
	Hand       hand            `json:"hand,omitzero"`
	Noise      noise           `json:"noise,omitzero"`
	Trouble    trouble         `json:"trouble,omitzero"`
	Warmup     warmup          `json:"warmup,omitzero"`
	Carried    carried         `json:"carried,omitzero"`
	Windows    windows         `json:"windows,omitzero"`
	Sliding    sliding         `json:"sliding,omitzero"`
	Hosts      [hostsKept]host `json:"hosts,omitzero"`
	Recipients recipients      `json:"recipients,omitzero"`

	// Total counts every acceptance; History says when.
	Total   float64 `json:"total"`
	History history `json:"history"`

	// Said is the last decision's reason and reply: what pages show first.
	Said said `json:"said,omitzero"`
}

type said struct {
	At     moment       `json:"at"`
	Kind   DecisionKind `json:"kind"`
	Reason string       `json:"reason"`
	Reply  string       `json:"reply,omitempty"`
}

// New returns the state of a provider that was never spoken to.
func New(p Profile, now time.Time) State {
	at := momentOf(now)
	s := State{
		Profile: p,
		Clock:   at,
		Seed:    uint64(now.UnixNano()),
		Budget:  newBudget(at),
		Lanes:   newLanes(p),
		Latency: newLatency(),
	}
	s.Rate = newRate(p.start(), at)
	s.Permits.Next = at
	return s
}

// jitter returns a number in [lo, hi), the next of the state's own sequence
// (splitmix64, Steele, Lea and Flood 2014).
func (s *State) jitter(lo, hi float64) float64 {
	s.Seed += 0x9e3779b97f4a7c15
	z := s.Seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return lo + (hi-lo)*float64(z>>11)/(1<<53)
}
