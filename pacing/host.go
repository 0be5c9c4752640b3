package pacing

import (
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// host is what is known of one mail exchanger of the provider.
//
// One bad host among good ones is steered around; it says nothing about the
// provider. Only when no host works is the provider down.
type host struct {
	Name  string  `json:"name,omitempty"`
	Fails int     `json:"fails,omitzero"` // in a row
	Row   moment  `json:"row,omitzero"`   // the first of these
	Good  moment  `json:"good,omitzero"`  // last opened well
	Seen  moment  `json:"seen,omitzero"`
	Until moment  `json:"until,omitzero"` // avoided until then; in the past: the last time
	Ban   float64 `json:"ban,omitzero"`   // length of the next ban, seconds
	Sick  float64 `json:"sick,omitzero"`  // log-likelihood that it refuses what others would take
}

const (
	hostsKept     = 8
	hostFails     = 2    // failures in a row that make a host bad
	hostFailsSoon = 3    // … when it worked a moment ago, and others went on working
	hostFresh     = 120  // seconds for which a host that worked counts as working
	hostBan       = 120  // seconds of the first ban, doubling
	hostBanMost   = 3600 // seconds

	hostSick  = 0.30 // a sick host refuses as much of its messages …
	hostWell  = 0.02 // … and a well one as little
	hostAlarm = 8    // log-likelihood from which on it is sick
	hostClear = 1    // … and below which another is well
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
	h.Fails, h.Row, h.Good, h.Seen = 0, 0, t.now, t.now
}

// hostTook notes messages that a host accepted.
func (t *turn) hostTook(name string, n float64) {
	if name != "" {
		h := t.host(name)
		h.Seen = t.now
		h.Sick = max(0, h.Sick+n*math.Log((1-hostSick)/(1-hostWell)))
	}
}

// hostRefused notes a message that a host did not take without saying that we
// are too fast. It says whether the host alone is sick: it refuses many, and
// another, at the same time, next to none.
func (t *turn) hostRefused(e Event) bool {
	switch e.Meaning.Class {
	case reply.ClassOutage, reply.ClassNetwork, reply.ClassUnknown, reply.ClassNone:
	default:
		return false
	}
	if e.Host == "" || !t.has(Hosts) {
		return false
	}
	h := t.host(e.Host)
	h.Seen = t.now
	if h.Until > t.now {
		return true // it is known to be sick; connections from before are still open
	}
	h.Sick += math.Log(hostSick / hostWell)
	if h.Sick < hostAlarm {
		return false
	}
	return t.steerAround(h, "refuses messages", func(other host) bool {
		return other.Sick < hostClear && t.now.since(other.Seen) < hostFresh && other.Until <= t.now
	})
}

// steerAround avoids a host for a while, if another does well.
func (t *turn) steerAround(h *host, how string, well func(host) bool) bool {
	for i := range t.Hosts {
		if other := &t.Hosts[i]; other != h && other.Name != "" && well(*other) {
			if h.Until == 0 || t.now.since(h.Until) > 2*h.Ban {
				h.Ban = hostBan
			}
			h.Until = t.now.plus(h.Ban)
			h.Ban = min(hostBanMost, 2*h.Ban)
			h.Sick = 0
			t.decide(Laned, 0, 0, "host "+h.Name+" "+how+" while others work: avoided until "+clock(h.Until))
			return true
		}
	}
	return false
}

// hostFailed notes a failure and says whether it is this host's own: others
// worked just now.
func (t *turn) hostFailed(name string) bool {
	if name == "" {
		return false
	}
	h := t.host(name)
	h.Seen = t.now
	if h.Fails++; h.Fails == 1 {
		h.Row = t.now
	}
	stale := t.now.since(h.Good) > hostFresh
	if h.Fails < hostFails || !stale && h.Fails < hostFailsSoon {
		return false
	}
	return t.steerAround(h, "fails", func(other host) bool {
		return other.Good != 0 && (stale && t.now.since(other.Good) < hostFresh || other.Good > h.Row)
	})
}
