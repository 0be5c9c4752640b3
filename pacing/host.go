package pacing

// host is what is known of one mail exchanger of the provider.
//
// One bad host among good ones is steered around; it says nothing about the
// provider. Only when no host works is the provider down.
type host struct {
	Name  string  `json:"name,omitempty"`
	Fails int     `json:"fails,omitzero"` // in a row
	Good  moment  `json:"good,omitzero"`  // last opened well
	Seen  moment  `json:"seen,omitzero"`
	Until moment  `json:"until,omitzero"` // avoided until then
	Ban   float64 `json:"ban,omitzero"`   // length of the next ban, seconds
}

const (
	hostsKept   = 8
	hostFails   = 2    // failures in a row that make a host bad
	hostFresh   = 120  // seconds for which a host that worked counts as working
	hostBan     = 120  // seconds of the first ban, doubling
	hostBanMost = 3600 // seconds
)

// host returns the record of a host; the one seen longest ago makes room.
func (t *turn) host(name string) *host {
	oldest := &t.Hosts[0]
	for i := range t.Hosts {
		h := &t.Hosts[i]
		if h.Name == name {
			return h
		}
		if h.Seen < oldest.Seen {
			oldest = h
		}
	}
	*oldest = host{Name: shorten(name, 64), Ban: hostBan}
	return oldest
}

func (t *turn) hostWorked(name string) {
	if name == "" {
		return
	}
	h := t.host(name)
	*h = host{Name: h.Name, Good: t.now, Seen: t.now, Ban: hostBan}
}

// hostFailed notes a failure and says whether it is this host's own: others
// worked just now.
func (t *turn) hostFailed(name string) bool {
	if name == "" {
		return false
	}
	h := t.host(name)
	h.Seen = t.now
	h.Fails++
	if h.Fails < hostFails || t.now.since(h.Good) <= hostFresh {
		return false
	}
	for i := range t.Hosts {
		other := &t.Hosts[i]
		if other != h && other.Good != 0 && t.now.since(other.Good) < hostFresh {
			h.Until = t.now.plus(h.Ban)
			h.Ban = min(hostBanMost, 2*h.Ban)
			t.decide(Laned, 0, 0, "host "+h.Name+" fails while others work: avoided until "+clock(h.Until))
			return true
		}
	}
	return false
}
