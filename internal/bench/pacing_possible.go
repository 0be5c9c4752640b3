package bench

import (
	"net/netip"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
)

const (
	// hardRate is more than the product sends to one provider, in messages
	// per second: what limits are asked with, and the most that a receiver
	// without any would be said to take.
	hardRate = 500
	// askAgain is how soon the all-knowing sender asks again after a no. It
	// costs an accepted message at most that much.
	askAgain = 2 * time.Millisecond
)

// possible returns how many messages a sender that knows everything could have
// had accepted in a time: whatever the limits give, from as many lanes as there
// may be, each busy all the time, and never punished. Nothing was sent before.
func possible(spec receiver.Spec, from, to time.Time) float64 {
	gap := time.Duration(float64(time.Second) / min(hardRate, laneRate(&spec)))
	limits := make([]receiver.Limit, len(spec.Limits))
	for i, l := range spec.Limits {
		l.Penalty, l.Escalate, l.CountRefused = nil, nil, false
		limits[i] = l
	}
	r := receiver.New(receiver.Spec{Limits: limits}, 1, from)
	accepted := 0
	var id receiver.ConnID
	for now := from; now.Before(to); {
		if id == 0 {
			_, id = r.Connect(now, netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
		}
		if ask(r, now, &id) {
			accepted++
			now = now.Add(gap)
		} else {
			now = now.Add(askAgain)
		}
	}
	return float64(accepted)
}

// ask plays one message.
func ask(r *receiver.Receiver, now time.Time, id *receiver.ConnID) bool {
	for _, say := range []func() receiver.Answer{
		func() receiver.Answer { return r.Mail(now, *id, "news@"+groundFrom) },
		func() receiver.Answer { return r.Rcpt(now, *id, "reader@provider.test") },
		func() receiver.Answer { return r.Data(now, *id) },
		func() receiver.Answer { return r.Dot(now, *id, 2000) },
	} {
		a := say()
		if a.Close {
			*id = 0
		}
		if !a.Accepted() {
			return false
		}
	}
	return true
}

// laneRate is how many messages a second go through the lanes that a receiver
// allows: lanes ÷ the time that it takes for a message.
func laneRate(s *receiver.Spec) float64 {
	message := messageTime(s).Seconds()
	if len(s.Lanes) == 0 || message == 0 {
		return hardRate
	}
	lanes := s.Lanes[0].Max
	for _, l := range s.Lanes {
		lanes = min(lanes, l.Max)
	}
	return float64(lanes) / message
}

// messageTime is how long a receiver takes for a message: its yes to MAIL, RCPT,
// DATA and the final dot.
func messageTime(s *receiver.Spec) time.Duration { return 3*s.Latency.Reply + s.Latency.Message }
